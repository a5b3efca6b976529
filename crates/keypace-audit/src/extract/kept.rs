//! What files say, kept between the passes of a run in few bytes: parsing is most of the time that an audit takes.
//! Must not hold more than its bound: a file that found no room is parsed again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::facts::Facts;
use crate::limits;

/// One file's facts, packed, with its text's hash.
#[derive(Debug)]
pub(crate) struct Packed {
    hash: u64,
    bytes: Box<[u8]>,
}

/// The facts of a tree's files, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: HashMap<String, Packed>,
    bytes: usize,
}

impl Packed {
    /// `None` for what can't be packed, which is nothing that a file can say.
    pub(crate) fn of(facts: &Facts, text: &str) -> Option<Self> {
        let bytes = postcard::to_allocvec(facts).ok()?.into_boxed_slice();
        Some(Self {
            hash: hash(text),
            bytes,
        })
    }
}

impl Kept {
    /// Keeps a file's facts while there is room.
    pub(crate) fn put(&mut self, path: String, packed: Packed) {
        let more = packed.bytes.len() + path.len();
        if self.bytes + more <= limits::MAX_KEPT_FACTS_BYTES {
            self.bytes += more;
            self.files.insert(path, packed);
        }
    }

    /// Takes over what another kept, as far as there is room.
    pub(crate) fn extend(&mut self, other: Self) {
        for (path, packed) in other.files {
            self.put(path, packed);
        }
    }

    /// What a file says, where it was kept and its text is still the same.
    pub(crate) fn facts(&self, path: &str, text: &str) -> Option<Facts> {
        let packed = self.files.get(path)?;
        let same = packed.hash == hash(text);
        same.then(|| postcard::from_bytes(&packed.bytes).ok())?
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Kept, Packed};
    use crate::extract;
    use crate::language::Language;
    use crate::limits;

    #[test]
    fn what_a_file_says_is_the_same_when_unpacked() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let folders = std::fs::read_dir(fixtures).expect("fixtures");
        let folders = folders.map(|entry| entry.expect("an entry").path());
        let mut seen = 0;
        for folder in folders.filter(|path| path.is_dir()) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let Some(language) = Language::of_path(&path) else {
                    continue;
                };
                let text = std::fs::read_to_string(&path).expect("a text");
                let facts = extract::facts(language, &text);
                let mut kept = Kept::default();
                let packed = Packed::of(&facts, &text).expect("packed");
                kept.put("a".to_owned(), packed);
                let again = kept.facts("a", &text).expect("kept");
                assert_eq!(format!("{again:?}"), format!("{facts:?}"), "{path:?}");
                assert!(kept.facts("a", &format!("{text} ")).is_none());
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen} fixtures");
    }

    #[test]
    fn a_file_without_room_is_not_kept() {
        let text = "r.keys('a*')\n";
        let facts = extract::facts(Language::Python, text);
        let mut kept = Kept {
            bytes: limits::MAX_KEPT_FACTS_BYTES,
            ..Kept::default()
        };
        kept.put("a".to_owned(), Packed::of(&facts, text).expect("packed"));
        assert!(kept.facts("a", text).is_none());
    }
}
