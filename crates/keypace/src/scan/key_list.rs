//! Keys that a caller names one by one: a file of names with a NUL behind each, read in pieces and never held whole. Checked
//! once when it is opened; knows no server, and not which of the names are there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::list_census::Census;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;

const OPERATION: &str = "read the list of keys";

/// A list of keys. Clones are cheap and read the same file.
///
/// The names are those of the moment when it was opened: whoever changes the file afterwards has the work refused.
#[derive(Debug, Clone)]
pub struct KeyList {
    inner: Arc<Inner>,
    label: Arc<str>,
}

#[derive(Debug)]
struct Inner {
    file: Mutex<File>,
    identity: ListIdentity,
    names: u64,
    modified: Option<SystemTime>,
    keeps_place: bool,
}

/// What tells a list from another one: what was agreed to, and what a checkpoint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListIdentity {
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
}

/// Names that follow each other in a list.
pub(crate) struct Names {
    pub(crate) keys: Vec<Key>,
    /// Where the next ones begin; `None` at the end.
    pub(crate) next: Option<u64>,
}

impl KeyList {
    /// Opens a file of names, each ended by a NUL; the last one's may be left out. Any byte but NUL may stand in a name.
    /// Reads it once, to know that all of it can be read later. Blocks for as long as that takes.
    ///
    /// # Errors
    /// `Io`; `InvalidOption` for an empty name, a name above `limits::MAX_LISTED_KEY_BYTES`, a file of lines without any
    /// NUL, and what is no regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(|cause| unreadable(&name, cause))?;
        let about = file.metadata().map_err(|cause| unreadable(&name, cause))?;
        if !about.is_file() {
            return Err(refused(format!("{name} is no regular file"))
                .with_hint("hand a pipe over on standard input: --keys-from -"));
        }
        let census = take_census(&mut file, &name, |_| Ok(()))?;
        Self::of(file, census, format!("keys from {name}"), true, &name)
    }

    /// Takes names from a pipe. They are kept in a file in `folder` that has no name and that only its owner may read, so
    /// that memory doesn't grow; a sweep over them keeps no place to be resumed from. Blocks until the pipe has ended.
    ///
    /// # Errors
    /// As [`KeyList::open`].
    pub fn from_reader(mut reader: impl Read, label: &str, folder: &Path) -> Result<Self> {
        let shown = folder.display().to_string();
        let mut spool = tempfile::tempfile_in(folder).map_err(|cause| {
            unreadable(&shown, cause).with_hint(
                "names from a pipe are kept in this folder meanwhile: it has to be writable",
            )
        })?;
        let census = take_census(&mut reader, label, |chunk| {
            spool.write_all(chunk).map_err(|cause| {
                unreadable(&shown, cause)
                    .with_hint("names from a pipe are kept in this folder meanwhile: it needs room")
            })
        })?;
        Self::of(spool, census, label.to_owned(), false, label)
    }

    fn of(
        file: File,
        census: Census,
        label: String,
        keeps_place: bool,
        name: &str,
    ) -> Result<Self> {
        let about = file.metadata().map_err(|cause| unreadable(name, cause))?;
        let (identity, names) = census.finish()?;
        let inner = Inner {
            file: Mutex::new(file),
            identity,
            names,
            modified: about.modified().ok(),
            keeps_place,
        };
        Ok(Self {
            inner: Arc::new(inner),
            label: label.into(),
        })
    }

    /// What stands in a Summary in place of a pattern; by default `keys from FILE`.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = label.into();
        self
    }

    /// What stands in a Summary in place of a pattern.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many names it holds; one that is in it twice counts twice.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.names
    }

    /// Whether it holds no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.names == 0
    }

    pub(crate) fn identity(&self) -> ListIdentity {
        self.inner.identity
    }

    /// Whether another run can find the same list.
    pub(crate) fn keeps_place(&self) -> bool {
        self.inner.keeps_place
    }

    /// The wanted ones of the names from a place on: at most so many, and at most those of one piece of the file.
    ///
    /// # Errors
    /// `Io`; `Guard` where the file has changed since it was opened; `Checkpoint` for a place behind its end.
    pub(crate) fn page(
        &self,
        from: u64,
        most: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Names> {
        let bytes = self.identity().bytes;
        let left = bytes.checked_sub(from).ok_or_else(behind_end)?;
        let mut size = limits::LIST_PIECE_BYTES;
        let piece = loop {
            let size_left = usize::try_from(left).unwrap_or(usize::MAX).min(size);
            let piece = self.read(from, size_left)?;
            // The last name needs no NUL; any other piece has to hold a whole one.
            if piece.len() as u64 == left || piece.contains(&0) {
                break piece;
            }
            size *= 2;
        };
        let is_last = piece.len() as u64 == left;
        let piece = Bytes::from(piece);
        let mut keys = Vec::new();
        let mut at = 0;
        while keys.len() < most.max(1) && at < piece.len() {
            let end = piece[at..].iter().position(|byte| *byte == 0);
            let Some(end) = end.map(|end| at + end).or(is_last.then_some(piece.len())) else {
                break;
            };
            if wanted(&piece[at..end]) {
                keys.push(Key::new(piece.slice(at..end)));
            }
            at = (end + 1).min(piece.len());
        }
        let next = from + at as u64;
        Ok(Names {
            keys,
            next: (next < bytes).then_some(next),
        })
    }

    /// How many of the names no pattern excludes. Goes through the file where there are such patterns. Cancel-safe.
    ///
    /// # Errors
    /// As `page`.
    pub(crate) async fn count_wanted(&self, exclude: &[Pattern]) -> Result<u64> {
        if exclude.is_empty() {
            return Ok(self.len());
        }
        let (mut counted, mut from) = (0, Some(0));
        while let Some(at) = from {
            tokio::task::yield_now().await;
            let is_wanted = |name: &[u8]| !exclude.iter().any(|pattern| pattern.matches(name));
            let names = self.page(at, usize::MAX, is_wanted)?;
            counted += names.keys.len() as u64;
            from = names.next;
        }
        Ok(counted)
    }

    fn read(&self, from: u64, size: usize) -> Result<Vec<u8>> {
        let mut file = (self.inner.file.lock()).unwrap_or_else(PoisonError::into_inner);
        let failed = |cause| unreadable(&self.label, cause);
        let about = file.metadata().map_err(failed)?;
        let is_same = about.len() == self.identity().bytes
            && (about.modified().ok() == self.inner.modified || !self.inner.keeps_place);
        if !is_same {
            return Err(Error::new(
                ErrorKind::Guard,
                Retry::Never,
                OPERATION,
                format!("{}: the file has changed meanwhile", self.label),
            )
            .with_hint("the keys that were agreed to are those it held before: start anew"));
        }
        let mut piece = vec![0; size];
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        file.read_exact(&mut piece).map_err(failed)?;
        Ok(piece)
    }
}

/// Goes through all of it once.
fn take_census(
    reader: &mut impl Read,
    name: &str,
    mut keep: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Census> {
    let mut census = Census::default();
    let mut piece = vec![0; limits::LIST_PIECE_BYTES];
    loop {
        let read = match reader.read(&mut piece) {
            Ok(0) => return Ok(census),
            Ok(read) => &piece[..read],
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(unreadable(name, cause)),
        };
        census.see(read)?;
        keep(read)?;
    }
}

fn unreadable(name: &str, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, Retry::Never, OPERATION, name.to_owned()).with_source(cause)
}

pub(super) fn refused(context: String) -> Error {
    Error::new(ErrorKind::InvalidOption, Retry::Never, OPERATION, context)
}

fn behind_end() -> Error {
    Error::new(
        ErrorKind::Checkpoint,
        Retry::Never,
        OPERATION,
        "the place to go on from is behind its end",
    )
    .with_hint("start anew without --resume")
}

#[cfg(test)]
mod tests {
    use super::KeyList;
    use crate::error::{ErrorKind, Result};
    use crate::key::Pattern;
    use crate::limits;

    fn list(bytes: &[u8]) -> Result<KeyList> {
        let folder = tempfile::tempdir().expect("a folder");
        KeyList::from_reader(bytes, "test", folder.path())
    }

    fn names(list: &KeyList, most: usize) -> Vec<Vec<u8>> {
        let (mut all, mut from) = (Vec::new(), Some(0));
        while let Some(at) = from {
            let page = list.page(at, most, |_| true).expect("read");
            assert!(page.keys.len() <= most);
            all.extend(page.keys.iter().map(|key| key.as_bytes().to_vec()));
            from = page.next;
        }
        all
    }

    #[test]
    fn any_bytes_but_nul_are_a_name() {
        let wanted: [&[u8]; 4] = [b"a\nb", b"'\"\\", b"\xff\xfe\x80", b" "];
        for ending in [&b""[..], b"\0"] {
            let bytes = [&wanted.join(&0)[..], ending].concat();
            let list = list(&bytes).expect("valid");
            assert_eq!(list.len(), 4);
            for most in [1, 2, 100] {
                assert_eq!(names(&list, most), wanted);
            }
        }
    }

    #[test]
    fn names_longer_than_a_piece_are_whole() {
        let long = vec![b'x'; limits::LIST_PIECE_BYTES * 3];
        let bytes = [b"a\0", &long[..], b"\0b"].concat();
        let read = list(&bytes).expect("valid");
        assert_eq!(names(&read, 10), [b"a".to_vec(), long, b"b".to_vec()]);
        assert!(list(b"").expect("valid").is_empty());
        let none = list(b"")
            .expect("valid")
            .page(0, 1, |_| true)
            .expect("read");
        assert!(none.keys.is_empty() && none.next.is_none());
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_place() {
        let too_long = vec![b'x'; limits::MAX_LISTED_KEY_BYTES + 1];
        for (bytes, text) in [
            (&b"\0a"[..], "byte 0"),
            (b"a\0\0b\0", "byte 2"),
            (b"one\ntwo\n", "NUL"),
            (&too_long, "byte 0"),
        ] {
            let error = list(bytes).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_file_that_changes_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        std::fs::write(&path, b"a\0b\0").expect("written");
        let list = KeyList::open(&path).expect("valid");
        assert_eq!(names(&list, 10).len(), 2);
        std::fs::write(&path, b"a\0b\0c\0").expect("written");
        let error = list.page(0, 1, |_| true).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Guard);
        let error = KeyList::open(folder.path()).expect_err("a folder");
        assert!(matches!(
            error.kind(),
            ErrorKind::InvalidOption | ErrorKind::Io
        ));
    }

    #[tokio::test]
    async fn excluded_names_are_not_counted() {
        let list = list(b"a:1\0b:1\0a:2\0").expect("valid");
        let exclude = [Pattern::new("a:*").expect("valid")];
        assert_eq!(list.count_wanted(&exclude).await.expect("counted"), 1);
        assert_eq!(list.count_wanted(&[]).await.expect("counted"), 3);
    }
}
