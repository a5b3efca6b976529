//! The pace: what was observed goes in, how much the next command may ask for comes out. Pure arithmetic: it reads no
//! clock, sends nothing and waits for nothing; `port` does that as it is told.
//!
//! A scavenger, as LEDBAT (RFC 6817) is for networks: it takes what is spare and yields at once. What a network
//! calls a congestion window is here the *window*: the time in microseconds that one command of ours may take on
//! the server, because that is what another client waits at most when it comes just behind us. One command of ours
//! is on its way at a time, so the windows of all the work on a server never add up.

mod budget;
mod climb;
mod cost;
mod delay;
mod order;
mod pressure;
mod state;
mod tally;
mod window;

#[cfg(test)]
mod replay;
#[cfg(test)]
mod simulated;

pub use budget::{Budget, BudgetHandle};
pub use pressure::Thresholds;

pub(crate) use order::{Input, Order, QueryKind};
pub(crate) use pressure::Vitals;
pub(crate) use state::Pacer;
pub(crate) use tally::Tally;
