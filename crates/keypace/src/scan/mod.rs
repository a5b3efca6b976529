//! Pages of keys: a stream that walks a database with SCAN, complete and resumable, and hands out opaque Marks.
//!
//! # What is promised
//! *At least once*: every key that is there from the beginning of a walk to its end is returned. A key may be
//! returned twice; one that comes or goes meanwhile may be returned or not. [`Order::Exact`] and [`Order::Sorted`]
//! return each key once, and hold every key in memory for it: about 80 bytes and the name, per key.
//! MATCH saves the server no work: it looks at each key of the database, whatever the pattern.

mod call;
mod collect;
mod coverage;
mod crew;
mod cursor;
mod drive;
mod estimate;
mod key_list;
mod keys_command;
mod lanes;
mod list_census;
mod mark;
mod names;
mod open;
mod options;
mod order;
mod page;
mod reply;
mod sieve;
mod state;
mod successor;
#[cfg(test)]
mod tests;
mod types;
mod walker;

pub use collect::{Collected, collect};
pub(crate) use coverage::{Claim, Coverage};
pub use drive::{Pages, Step};
pub use key_list::KeyList;
pub(crate) use key_list::ListIdentity;
pub(crate) use lanes::{Ground, are_proven};
pub use mark::Mark;
pub(crate) use mark::SavedMark;
pub(crate) use options::{Asks, FromList};
pub use options::{Count, CountChoice, Lanes, Order, ScanOptions, Strategy};
pub(crate) use order::{Found, Held};
pub use page::Page;
