//! Typed records with an owner, and an index by owner that is kept in step with them: each change of a record is one
//! atomic step with its members of both sorted sets. Nothing here lists, reads or writes without an owner.

mod cursor;
mod header;
mod key_file;
mod names;
mod owner;
mod owner_keys;
mod page;

pub use cursor::Cursor;
pub use names::{Namespace, RecordId, Tag};
pub use owner::Owner;
pub use owner_keys::OwnerKeys;
pub use page::{
    Buried, Expiry, Import, Imported, Lifetime, PageRequest, PutOptions, RecordIds, RecordPage,
    Stored, Version, Written,
};
