//! The file of owner keys on the disk: read, made, replaced. Knows nothing of what the keys are for.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::names::Namespace;
use super::owner_keys::{KEY_BYTES, SecretKey};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;

const READ: &str = "read the owner keys";
const WRITE: &str = "write the owner keys";

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    keys: Vec<String>,
}

/// The keys in it, and the namespace that it names.
pub(super) fn read(path: &Path) -> Result<(Vec<SecretKey>, Option<Namespace>)> {
    let io_error = |cause: io::Error| failed(READ, path, cause);
    let file = File::open(path).map_err(io_error)?;
    check_mode(path, &file.metadata().map_err(io_error)?)?;
    let mut text = Vec::new();
    let max = limits::MAX_OWNER_KEYS_FILE_BYTES;
    file.take(max + 1)
        .read_to_end(&mut text)
        .map_err(io_error)?;
    let damaged = |why: &str| {
        let context = format!("`{}` {why}", path.display());
        Error::new(ErrorKind::Damaged, Retry::Never, READ, context).with_hint(
            "a key file is JSON: {\"keys\": [\"<64 hex digits>\"]}; take a copy of the one that made the namespace",
        )
    };
    if text.len() as u64 > max {
        return Err(damaged("is too long for a key file"));
    }
    // The cause is left out: serde quotes what it met.
    let content: Content = serde_json::from_slice(&text).map_err(|_| damaged("is no key file"))?;
    let number = content.keys.len();
    if !(1..=limits::MAX_OWNER_KEYS).contains(&number) {
        return Err(damaged("holds no key, or too many"));
    }
    let mut keys = vec![[0; KEY_BYTES]; number];
    for (key, digits) in keys.iter_mut().zip(&content.keys) {
        hex::decode_to_slice(digits, key).map_err(|_| damaged("holds what is no key"))?;
    }
    let namespace = content.namespace.map(Namespace::new).transpose()?;
    Ok((keys, namespace))
}

/// Writes a file where there is none.
pub(super) fn create(path: &Path, keys: &[SecretKey], namespace: Option<&Namespace>) -> Result<()> {
    let written = written_beside(path, keys, namespace)?;
    written.persist_noclobber(path).map_err(|refused| {
        let cause = refused.error;
        if cause.kind() != io::ErrorKind::AlreadyExists {
            return failed(WRITE, path, cause);
        }
        let context = format!("`{}` is there already", path.display());
        Error::new(ErrorKind::Exists, Retry::Never, WRITE, context)
            .with_hint("load it, or name another file")
    })?;
    sync_folder(path).map_err(|cause| failed(WRITE, path, cause))
}

/// Puts a file in the place of the one that is there, which stays as `.bak`.
pub(super) fn replace(
    path: &Path,
    keys: &[SecretKey],
    namespace: Option<&Namespace>,
) -> Result<()> {
    let io_error = |cause: io::Error| failed(WRITE, path, cause);
    let written = written_beside(path, keys, namespace)?;
    let mut kept = path.as_os_str().to_owned();
    kept.push(".bak");
    // `fs::copy` keeps the mode.
    let kept = PathBuf::from(kept);
    fs::copy(path, &kept)
        .and_then(|_| File::open(&kept)?.sync_all())
        .map_err(io_error)?;
    written
        .persist(path)
        .map_err(|refused| io_error(refused.error))?;
    sync_folder(path).map_err(io_error)
}

/// Whether reading failed since there is no file.
pub(super) fn is_absent(error: &Error) -> bool {
    let cause =
        std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
}

/// A file of mode 0600, on the disk, that has its name yet to get.
fn written_beside(
    path: &Path,
    keys: &[SecretKey],
    namespace: Option<&Namespace>,
) -> Result<tempfile::NamedTempFile> {
    let io_error = |cause: io::Error| failed(WRITE, path, cause);
    let content = Content {
        namespace: namespace.map(|namespace| namespace.as_str().to_owned()),
        keys: keys.iter().map(hex::encode).collect(),
    };
    let text = serde_json::to_vec_pretty(&content).map_err(|cause| io_error(cause.into()))?;
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(io_error)?;
    let mut file = tempfile::Builder::new()
        .prefix(".owner-keys-")
        .tempfile_in(folder)
        .map_err(io_error)?;
    file.write_all(&text)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.as_file().sync_all())
        .map_err(io_error)?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The name of a new file is safe with its folder only.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder(path))?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let context = format!(
        "others may read `{}`: its mode is {mode:03o}",
        path.display()
    );
    Err(Error::new(ErrorKind::Guard, Retry::Never, READ, context)
        .with_hint(format!("run: chmod 600 '{}'", path.display())))
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &fs::Metadata) -> Result<()> {
    Ok(())
}

fn failed(operation: &'static str, path: &Path, cause: io::Error) -> Error {
    let context = format!("`{}`", path.display());
    Error::new(ErrorKind::Io, Retry::Never, operation, context)
        .with_hint("check that the file and its folder are there, and whose they are")
        .with_source(cause)
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::records::owner::Owner;
    use crate::records::owner_keys::OwnerKeys;
    use std::fs;

    #[test]
    fn a_file_is_made_once_and_is_loaded_after_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/keys.json");
        let error = OwnerKeys::load(&path).expect_err("none is there");
        assert_eq!(error.kind(), ErrorKind::Io);
        let made = OwnerKeys::load_or_create(&path).expect("made");
        let loaded = OwnerKeys::load_or_create(&path).expect("loaded");
        let owner = Owner::new("alice").expect("allowed");
        assert_eq!(made.tag(&owner), loaded.tag(&owner));
        let error = OwnerKeys::create(&path).expect_err("is there");
        assert_eq!(error.kind(), ErrorKind::Exists);
        let rotated = loaded.rotated().expect("random");
        rotated.save().expect("saved");
        let again = loaded.reloaded().expect("read");
        assert_eq!(again.fingerprint(), rotated.fingerprint());
        let kept = OwnerKeys::load(folder.path().join("deep/keys.json.bak")).expect("kept");
        assert_eq!(kept.fingerprint(), made.fingerprint());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_with_what_to_run() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        OwnerKeys::create(&path).expect("made");
        let mode =
            |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let made = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(made & 0o777, 0o600);
        mode(0o640);
        let error = OwnerKeys::load(&path).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Guard);
        assert!(
            error.hint().expect("a hint").contains("chmod 600"),
            "{error}"
        );
        mode(0o400);
        assert!(OwnerKeys::load(&path).is_ok());
    }

    #[test]
    fn what_is_no_key_file_is_refused_and_not_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        OwnerKeys::create(&path).expect("made, with its mode");
        let many = format!("{{\"keys\":[{}]}}", vec!["\"00\""; 100].join(","));
        for text in [
            "",
            "{}",
            "[]",
            "{\"keys\":[]}",
            "{\"keys\":[\"secret\"]}",
            "{\"keys\":\"secret\"}",
            &many,
            &" ".repeat(70_000),
        ] {
            fs::write(&path, text).expect("written");
            let error = OwnerKeys::load(&path).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Damaged, "{text}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
