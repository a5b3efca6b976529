//! Typed records with an owner, and an index by owner that is kept in step with them: each change of a record is one
//! atomic step with its members of both sorted sets. Nothing here lists, reads or writes without an owner.
//!
//! `names`, `owner`, `owner_keys`, `header`, `cursor`, `page`, `calls` and `answers` are pure; `shelf`, `reads` and `list`
//! wait; `typed` is JSON on a shelf. `verify` and `import` go over all records of a namespace, and over those of an application's
//! own layout (`old`): `ground`, `compare` and `mend` ask and write for them, `drift` judges and is pure.

mod answers;
mod assign;
mod berths;
mod calls;
mod compare;
mod copying;
mod cursor;
mod drift;
mod findings;
mod ground;
mod header;
mod import;
mod key_file;
mod list;
mod mend;
mod meta;
mod metrics;
mod migration;
mod moving;
mod names;
mod old;
mod old_time;
mod owner;
mod owner_keys;
mod page;
mod reads;
mod scripts;
mod shelf;
mod typed;
mod verify;

pub use cursor::Cursor;
pub use drift::Drift;
pub use metrics::{LastVerify, RecordsMetrics};
pub use names::{Namespace, RecordId, Tag};
pub use old::OldLayout;
pub use owner::Owner;
pub use owner_keys::OwnerKeys;
pub use page::{
    Buried, Expiry, Import, Imported, IndexSize, Lifetime, PageRequest, PutOptions, RecordIds,
    RecordPage, Stored, Version, Written,
};
pub use shelf::Shelf;
pub use typed::Records;

pub(crate) use assign::Assigned;
pub(crate) use findings::{Fault, Findings};
pub(crate) use ground::{Ground, Sign};
pub(crate) use import::{Importer, Passed};
pub(crate) use migration::{Migration, State, switched};
pub(crate) use moving::{Mover, add_key};
pub(crate) use names::Part;
pub(crate) use verify::Verifier;
