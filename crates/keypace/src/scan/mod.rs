//! Pages of keys: a stream that walks a database with SCAN, complete and resumable, and hands out opaque Marks.
//!
//! # What is promised
//! *At least once*: every key that is there from the beginning of a walk to its end is returned. A key may be
//! returned twice; one that comes or goes meanwhile may be returned or not. [`Order::Exact`] and [`Order::Sorted`]
//! return each key once, and hold every key in memory for it: about 80 bytes and the name, per key.
//! MATCH saves the server no work: it looks at each key of the database, whatever the pattern.

mod call;
mod collect;
mod cursor;
mod drive;
mod keys_command;
mod options;
mod order;
mod page;
mod reply;
mod state;
mod types;

pub use collect::{Collected, collect};
pub use drive::{Pages, Step};
pub use options::{Count, CountChoice, Order, ScanOptions, Strategy};
pub use page::{Mark, Page};
