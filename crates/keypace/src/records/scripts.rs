//! The scripts that read and change records: their texts, by which digests they are called. Each handles one bounded
//! batch. They are published with the wire layout, for writers in other languages.

use crate::port::Script;

/// Writes a record and its members.
pub(crate) const PUT: Script = Script {
    text: include_str!("scripts/put.lua"),
    digest: "7114dd7f911e6f2d8c2a4c4d078f411007356780",
};
/// Gives a record another time to live.
pub(crate) const TOUCH: Script = Script {
    text: include_str!("scripts/touch.lua"),
    digest: "20d95e8e9c10285aa2dddf8958efc231b9f1862d",
};
/// Removes a batch of records and their members.
pub(crate) const DELETE: Script = Script {
    text: include_str!("scripts/delete.lua"),
    digest: "b9403c8882f21db04f3015a3f81ea90421c0134a",
};
/// Removes a record that was deleted elsewhere, and remembers that.
pub(crate) const BURY: Script = Script {
    text: include_str!("scripts/bury.lua"),
    digest: "f47d3c7aa35bdf706efe781d7ef3ae8a76ccb2d8",
};
/// One page of the index, after dead members were dropped.
pub(crate) const PAGE: Script = Script {
    text: include_str!("scripts/page.lua"),
    digest: "cd6a7fe1d1cab57139c289c74ab301b7deb044ae",
};
/// Drops members whose record is gone.
pub(crate) const PRUNE: Script = Script {
    text: include_str!("scripts/prune.lua"),
    digest: "de1bc3fb0624bb6637199af4d7ef5c9caac8cdd8",
};
/// All that is known of one record.
pub(crate) const CHECK: Script = Script {
    text: include_str!("scripts/check.lua"),
    digest: "1441b0077fb6fbfd2fd54a1f6e1417b24e1f668a",
};
/// Says how a namespace is kept, and begins it.
pub(crate) const OPEN: Script = Script {
    text: include_str!("scripts/open.lua"),
    digest: "7a80c5d8333436da020470ab15ce4f5a5ccf88c1",
};
/// Says where an owner's records are in a rotation, and leads who has none to the new names.
pub(crate) const SETTLE: Script = Script {
    text: include_str!("scripts/settle.lua"),
    digest: "30b2cb565241fdf0307c919f2a9001e0ca0fbc1d",
};
/// Closes an owner's former names.
pub(crate) const SEAL: Script = Script {
    text: include_str!("scripts/seal.lua"),
    digest: "c0513c1e09cef269411ffd9a83df45d5ae3fd158",
};
/// Drops what was copied from sealed names.
pub(crate) const DROP: Script = Script {
    text: include_str!("scripts/drop.lua"),
    digest: "49dcf3567aa73c4ab91354c1b7f42643c23a0d10",
};
/// Begins, holds and ends the move to another key version.
pub(crate) const REKEY: Script = Script {
    text: include_str!("scripts/rekey.lua"),
    digest: "61ce2e3803210360c0c95ca3feed9a2adc9552bc",
};
/// Removes the mark of a rotation that has ended.
pub(crate) const UNMARK: Script = Script {
    text: include_str!("scripts/unmark.lua"),
    digest: "4c0945189b7adda4121b24bbf11f24a5b5751ea7",
};
