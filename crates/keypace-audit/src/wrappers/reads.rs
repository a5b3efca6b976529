//! Functions of other files that read the key they are given, as a file writes their calls: `Store.load(key)`.
//! Must not follow keys.

use std::collections::HashSet;

use super::{Kind, Wrappers};
use crate::language::Language;
use crate::rules::Subject;

/// Languages where a class or module is named before its function, so that the name tells whose it is.
pub(super) fn are_called_by_class(language: Language) -> bool {
    matches!(language, Language::Elixir | Language::Php | Language::Ruby)
}

/// A class's own name, without what it stands in.
pub(super) fn short(class: &str) -> &str {
    class.rsplit(['.', ':', '\\']).next().unwrap_or(class)
}

impl Wrappers {
    /// The calls of a file that read a key elsewhere.
    pub(super) fn reads(&self, subject: &Subject<'_>) -> HashSet<String> {
        let mut out = HashSet::new();
        if !are_called_by_class(subject.facts.language) {
            return out;
        }
        for wrapper in &self.found {
            let Kind::Reads(class) = &wrapper.kind else {
                continue;
            };
            if subject.facts.classes.iter().any(|own| own.name == *class) {
                continue;
            }
            out.insert(format!("{class}.{}", wrapper.name));
            // `alias App.Store`, and another library's `Store` is another.
            let imports = &subject.facts.imports;
            let brought = imports.iter().filter(|own| own.module == *class);
            for (_, here) in brought.flat_map(|own| &own.names) {
                out.insert(format!("{here}.{}", wrapper.name));
            }
            if subject.facts.language != Language::Elixir {
                out.insert(format!("{}.{}", short(class), wrapper.name));
            }
        }
        out
    }
}
