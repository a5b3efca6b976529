//! What files of a tree tell each other: functions whose body runs KEYS, and clients that one file makes for others.
//! Must not read files.

use crate::report::Hit;
use crate::rules::Subject;

/// A function that wraps a blocking command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapper {
    /// The name that a caller writes.
    pub name: String,
}

/// Those that a file defines. Asked once for every file, when its own findings are known.
pub(crate) fn defined(_subject: &Subject<'_>, _hits: &[Hit]) -> Vec<Wrapper> {
    Vec::new()
}

/// The wrappers of all files of a tree.
pub(crate) struct Wrappers {
    found: Vec<Wrapper>,
}

impl Wrappers {
    /// Puts together what the files define, in any order.
    pub(crate) fn new(found: Vec<Wrapper>) -> Self {
        Self { found }
    }

    /// Names of which a file has to have one to be asked again.
    pub(crate) fn words(&self) -> Vec<String> {
        let names = self.found.iter().map(|wrapper| wrapper.name.clone());
        names.collect()
    }

    /// Everything that the rules find in a file, knowing the tree: it replaces what the first pass found there. Asked in a
    /// second pass, for files that have one of [`Self::words`], also such as never say *redis*.
    pub(crate) fn recheck(&self, subject: &Subject<'_>) -> Vec<Hit> {
        crate::rules::check(subject)
    }
}
