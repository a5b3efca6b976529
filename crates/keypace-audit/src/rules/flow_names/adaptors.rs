//! Names of what goes over a list in another way, and leaves out some of it at most.
//! Must not know Redis.

use super::plain;

/// `.cloned()`, `.filter_map(f)`, `.skip(1)`, `.as_slice()`.
pub(super) fn is_adaptor(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "also"
            | "apply"
            | "asenumerable"
            | "asslice"
            | "chain"
            | "cloned"
            | "copied"
            | "distinctby"
            | "drain"
            | "drop"
            | "dropwhile"
            | "enumerate"
            | "filterindexed"
            | "filtermap"
            | "intokeys"
            | "intopariter"
            | "intovalues"
            | "itermut"
            | "mapindexed"
            | "mapnotnull"
            | "mapwhile"
            | "oneach"
            | "orderbydescending"
            | "pariter"
            | "peekable"
            | "rev"
            | "skip"
            | "skipwhile"
            | "sortedby"
            | "sortedbydescending"
            | "sorteddescending"
            | "tap"
    )
}
