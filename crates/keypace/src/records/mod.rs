//! Typed records with an owner, and an index by owner that is kept in step with them: each change of a record is one
//! atomic step with its members of both sorted sets. Nothing here lists, reads or writes without an owner.
//!
//! `names`, `owner`, `owner_keys`, `header`, `cursor`, `page`, `calls` and `answers` are pure; `shelf`, `reads` and `list`
//! wait; `typed` is JSON on a shelf.

mod answers;
mod calls;
mod cursor;
mod header;
mod key_file;
mod list;
mod meta;
mod metrics;
mod names;
mod owner;
mod owner_keys;
mod page;
mod reads;
mod scripts;
mod shelf;
mod typed;

pub use cursor::Cursor;
pub use metrics::RecordsMetrics;
pub use names::{Namespace, RecordId, Tag};
pub use owner::Owner;
pub use owner_keys::OwnerKeys;
pub use page::{
    Buried, Expiry, Import, Imported, Lifetime, PageRequest, PutOptions, RecordIds, RecordPage,
    Stored, Version, Written,
};
pub use shelf::Shelf;
pub use typed::Records;
