//! The scripts that keep an index in step with its keys. Sends nothing.

use crate::port::Script;

/// Sets a key and its member.
pub(super) const SET: Script = Script {
    text: include_str!("set.lua"),
    digest: "ce60b419b25fc36cff5f681423a6cff37a94373d",
};
/// Removes a batch of keys and their members.
pub(super) const REMOVE: Script = Script {
    text: include_str!("remove.lua"),
    digest: "f85826569b1596a704ab73c90d368d9b82a17924",
};
/// Drops expired members, and says where the others begin.
pub(super) const PRUNE: Script = Script {
    text: include_str!("prune.lua"),
    digest: "92e1e021077e38e70a99e53e987ede6e37aaaf1d",
};
