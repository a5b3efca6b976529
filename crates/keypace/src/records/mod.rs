//! Typed records with an owner, and an index by owner that is kept in step with them: each change of a record is one
//! atomic step with its members of both sorted sets. Nothing here lists, reads or writes without an owner.

mod compare;
mod cursor;
mod drift;
mod findings;
mod ground;
mod header;
mod import;
mod key_file;
mod mend;
mod migration;
mod names;
mod old;
mod old_time;
mod owner;
mod owner_keys;
mod page;
mod scripts;
mod verify;

pub use cursor::Cursor;
pub use drift::Drift;
pub use names::{Namespace, RecordId, Tag};
pub use old::OldLayout;
pub use owner::Owner;
pub use owner_keys::OwnerKeys;
pub use page::{
    Buried, Expiry, Import, Imported, Lifetime, PageRequest, PutOptions, RecordIds, RecordPage,
    Stored, Version, Written,
};

pub(crate) use findings::{Fault, Findings};
pub(crate) use ground::Ground;
pub(crate) use import::{Importer, Passed};
pub(crate) use migration::{Migration, State};
pub(crate) use verify::Verifier;
