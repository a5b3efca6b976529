//! The folders of a runner: checkpoints by job and lease, backups by job. For its owner only. Reads no server.
//!
//! A checkpoint's name holds the lease that it was written under: that of the lease just before is the newest there can be,
//! and any other file is older than what the store has.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::jobs::id::JobId;
use crate::jobs::job::Job;

/// The folders of a runner. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Files {
    checkpoints: Arc<Path>,
    backups: Arc<Path>,
}

impl Files {
    /// Makes the folders.
    pub(super) fn new(data_dir: PathBuf) -> io::Result<Self> {
        let folder = |name: &str| -> io::Result<Arc<Path>> {
            let path = data_dir.join(name);
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
            Ok(path.into())
        };
        Ok(Self {
            checkpoints: folder("checkpoints")?,
            backups: folder("backups")?,
        })
    }

    /// Where the checkpoint of a job is written under this lease.
    pub(super) fn checkpoint(&self, id: &JobId, lease: i64) -> PathBuf {
        self.checkpoints.join(format!("{id}.{lease}.ckpt"))
    }

    /// Where a delete saves its keys.
    pub(super) fn backup(&self, id: &JobId) -> PathBuf {
        self.backups.join(format!("{id}.kpb"))
    }

    /// What to go on from under this lease, if there is anything: it stands at the lease's own place then. `kept` is what the
    /// store has.
    pub(super) fn take_up(
        &self,
        id: &JobId,
        lease: i64,
        kept: Option<&[u8]>,
    ) -> io::Result<Option<PathBuf>> {
        let own = self.checkpoint(id, lease);
        match fs::rename(self.checkpoint(id, lease - 1), &own) {
            Ok(()) => return Ok(Some(own)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let Some(kept) = kept else {
            return Ok(None);
        };
        let beside = own.with_extension("new");
        // What an earlier try left is in the way of nobody.
        let _ = fs::remove_file(&beside);
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        io::Write::write_all(&mut file, kept)?;
        fs::rename(&beside, &own)?;
        Ok(Some(own))
    }

    /// A backup that no checkpoint names makes room, and is kept.
    pub(super) fn move_backup_aside(&self, job: &Job) -> io::Result<()> {
        let aside = self.backups.join(format!("{}.{}.kpb", job.id, job.lease));
        match fs::rename(self.backup(&job.id), aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What stands at a lease's place; nothing where nothing was written.
    pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the checkpoints of a job but that of this lease.
    pub(super) fn tidy(&self, id: &JobId, lease: i64) {
        let own = self.checkpoint(id, lease);
        self.remove(id, |path| path != own);
    }

    /// Removes all checkpoints of a job.
    pub(super) fn forget_checkpoints(&self, id: &JobId) {
        self.remove(id, |_| true);
    }

    /// Removes all backups of a job.
    pub(super) fn forget_backups(&self, id: &JobId) {
        for file in files_of(&self.backups).filter(|file| file.id == *id) {
            if let Err(error) = fs::remove_file(&file.path) {
                tracing::warn!(job = %id, %error, "a backup that has had its time can't be removed");
            }
        }
    }

    /// Removes all files of a job.
    pub(super) fn forget(&self, id: &JobId) {
        self.forget_checkpoints(id);
        self.forget_backups(id);
    }

    /// The backups that there are.
    pub(super) fn backups(&self) -> Vec<JobFile> {
        files_of(&self.backups).collect()
    }

    /// The checkpoints that there are.
    pub(super) fn checkpoints(&self) -> Vec<JobFile> {
        files_of(&self.checkpoints).collect()
    }

    fn remove(&self, id: &JobId, is_meant: impl Fn(&Path) -> bool) {
        for file in files_of(&self.checkpoints).filter(|file| file.id == *id) {
            if is_meant(&file.path) {
                // One that stays is of no use to anybody, and does no harm.
                let _ = fs::remove_file(file.path);
            }
        }
    }
}

/// A file of a job.
#[derive(Debug, Clone)]
pub(super) struct JobFile {
    pub(super) id: JobId,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// When it was written last.
    pub(super) written: SystemTime,
}

/// The files whose names begin with the id of a job; what else is in a folder is nobody's business here.
fn files_of(folder: &Path) -> impl Iterator<Item = JobFile> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name();
        let (id, _) = name.to_str()?.split_once('.')?;
        let (id, about) = (JobId::parse(id)?, entry.metadata().ok()?);
        let written = about.modified().unwrap_or(SystemTime::now());
        about.is_file().then(|| JobFile {
            id,
            path: entry.path(),
            bytes: about.len(),
            written,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::Files;
    use crate::jobs::id::JobId;
    use std::fs;

    #[test]
    fn the_lease_before_has_the_newest_and_older_files_count_for_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().join("data")).expect("folders");
        let id = JobId::of(1, 2);
        let take = |lease, kept: Option<&[u8]>| {
            let path = files.take_up(&id, lease, kept).expect("read");
            path.map(|path| fs::read(path).expect("there"))
        };
        assert_eq!(take(1, None), None);
        fs::write(files.checkpoint(&id, 1), b"one").expect("written");
        assert_eq!(take(2, Some(b"store")), Some(b"one".to_vec()));
        // The third lease was another folder's: what stands here is older than what the store has.
        assert_eq!(take(4, Some(b"three")), Some(b"three".to_vec()));
        files.tidy(&id, 4);
        let names = || {
            fs::read_dir(folder.path().join("data/checkpoints"))
                .expect("read")
                .count()
        };
        assert_eq!(names(), 1);
        files.forget_checkpoints(&id);
        assert_eq!(names(), 0);
    }
}
