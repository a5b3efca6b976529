//! The file below a backup: made for its owner only, locked while it is written, synced with its folder. And how much
//! room there is for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result, Retry};

/// Where a writer puts its bytes: a file, or what a test puts in its place.
pub(super) trait Disk: Send {
    /// Puts bytes behind those that are there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Everything that was appended is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Frees the name again; false where that can't be done, or the name is another file's by now.
    fn discard(&self, path: &Path) -> bool;
    /// Lets other writers in.
    fn release(&self) {}
}

impl Disk for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    #[cfg(unix)]
    fn release(&self) {
        // What can't be unlocked is when the file is closed.
        let _ = rustix::fs::flock(self, rustix::fs::FlockOperation::Unlock);
    }

    #[cfg(unix)]
    fn discard(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let named = fs::symlink_metadata(path);
        let is_own = |named: fs::Metadata| {
            let own = self.metadata();
            own.is_ok_and(|own| (own.dev(), own.ino()) == (named.dev(), named.ino()))
        };
        named.is_ok_and(is_own) && fs::remove_file(path).is_ok()
    }

    #[cfg(not(unix))]
    fn discard(&self, _path: &Path) -> bool {
        false
    }
}

/// Bytes that its file system has left for this path, for a user without privileges. The path need not be there; its
/// folder has to.
///
/// # Errors
/// `Io` where the folder can't be asked, `Unsupported` on systems that have no such question.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> Result<u64> {
    let asked = if path.exists() { path } else { folder(path) };
    let told = rustix::fs::statvfs(asked).map_err(|cause| {
        Error::new(
            ErrorKind::Io,
            Retry::Never,
            "ask for the free space",
            asked.display().to_string(),
        )
        .with_source(io::Error::from(cause))
        .with_hint("check that the folder is there and may be read")
    })?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

/// As on unix.
///
/// # Errors
/// Always `Unsupported`.
#[cfg(not(unix))]
pub fn free_bytes(path: &Path) -> Result<u64> {
    Err(Error::new(
        ErrorKind::Unsupported,
        Retry::Never,
        "ask for the free space",
        path.display().to_string(),
    ))
}

/// A new file that its owner alone may read; fails where anything of that name is there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes what a failed `create` has left.
pub(super) fn discard(path: &Path) {
    // What failed before is what the caller hears of.
    let _ = fs::remove_file(path);
}

/// Keeps every other writer out until the file is closed; false where one is there.
#[cfg(unix)]
pub(super) fn lock(file: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(cause) if cause == rustix::io::Errno::WOULDBLOCK => Ok(false),
        // A file system without locks is no reason to go without a backup.
        Err(_) => Ok(true),
    }
}

#[cfg(not(unix))]
pub(super) fn lock(_file: &File) -> io::Result<bool> {
    Ok(true)
}

/// The name of a new file is on the disk only when its folder is.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
