//! What `--backup` means: where deleted keys are saved, and up to which size. Writes nothing.

use keypace::BackupTarget;

use super::select::has_folder;
use super::units;
use crate::args::Delete;
use crate::exit::{Exit, Halt};

/// The file that deleted keys are saved in, where one was named. What can be seen to be wrong with it is said before
/// anybody is asked.
pub(crate) fn backup_target(typed: &Delete) -> Result<Option<BackupTarget>, Halt> {
    let Some(path) = &typed.backup else {
        return Ok(None);
    };
    has_folder(path, "--backup")?;
    // Going on with a run goes on with its file, if it put anything into one: the library knows.
    let is_resumed = typed.resume.resume.is_some();
    if !is_resumed && path.exists() {
        return Err(Halt::new(
            Exit::Refused,
            format!("start the delete: --backup: {} is there already", path.display()),
        )
        .with_hint("a backup is a new file: name another, or go on with the run that began this one by --resume"));
    }
    let mut target = BackupTarget::new(path);
    if let Some(text) = &typed.backup_max_value {
        let wrong = |why: String| Halt::usage(format!("read --backup-max-value: {why}"));
        let bytes = units::bytes(text).map_err(wrong)?;
        if bytes == 0 {
            return Err(wrong("0 would leave every key alone".to_owned()));
        }
        target = target.with_max_value_bytes(bytes);
    }
    Ok(Some(target))
}
