//! Files that the config names: secrets, and the folder that everything is kept in. Prints nothing of what it reads.

use std::fs::DirBuilder;
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::app::problem::{StartError, StartErrorKind};

/// A secret is a line; whatever is longer is another file, named by mistake.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The first line of a file that holds a secret.
pub(super) fn secret(place: &str, path: &Path) -> Result<String, StartError> {
    let failed = |error: std::io::Error| {
        let text = format!("{} can't be read", path.display());
        StartError::config(place, text).because(error)
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_SECRET_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        let text = format!("the first line of {} is empty", path.display());
        return Err(StartError::config(place, text));
    }
    Ok(line.to_owned())
}

/// Makes the folder, and those above it, readable by this user alone.
pub(super) fn data_folder(path: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        let text = format!("make the data folder {}", path.display());
        StartError::new(StartErrorKind::Config, text).because(error)
    })
}
