//! The scripts that read and change records: their texts, by which digests they are called. Each handles one bounded
//! batch. They are published with the wire layout, for writers in other languages.

use crate::port::Script;

/// Writes a record and its members.
pub(crate) const PUT: Script = Script {
    text: include_str!("scripts/put.lua"),
    digest: "c453c32ff37beee40d73b7dd1691f41b9ab6274e",
};
/// Gives a record another time to live.
pub(crate) const TOUCH: Script = Script {
    text: include_str!("scripts/touch.lua"),
    digest: "61b9f3b3d2f48da6f26b6312aee6a9f2aa3698c3",
};
/// Removes a batch of records and their members.
pub(crate) const DELETE: Script = Script {
    text: include_str!("scripts/delete.lua"),
    digest: "de75e0569d7034a051f2d29942834a7d7fba51c1",
};
/// Removes a record that was deleted elsewhere, and remembers that.
pub(crate) const BURY: Script = Script {
    text: include_str!("scripts/bury.lua"),
    digest: "d53829a7fc010a1f0f402ed40427f2df9c174baa",
};
/// One page of the index, after dead members were dropped.
pub(crate) const PAGE: Script = Script {
    text: include_str!("scripts/page.lua"),
    digest: "cd6a7fe1d1cab57139c289c74ab301b7deb044ae",
};
/// Drops members whose record is gone.
pub(crate) const PRUNE: Script = Script {
    text: include_str!("scripts/prune.lua"),
    digest: "c2aeb7e3f9f6a13900048a847eea55ddb61a1c32",
};
/// All that is known of one record.
pub(crate) const CHECK: Script = Script {
    text: include_str!("scripts/check.lua"),
    digest: "9f3803a044e1ae24a91aa6fa656850433a835373",
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
