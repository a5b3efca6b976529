//! `SHA256SUMS` of everything in the folder, in the form that `sha256sum --check` reads.
//! Must leave out no file but itself.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::io;
use crate::failure::Outcome;

const NAME: &str = "SHA256SUMS";

/// Writes it, and says of how many files.
pub(super) fn write(folder: &Path) -> Outcome<String> {
    let mut paths = Vec::new();
    files(folder, &mut paths)?;
    paths.sort();
    let mut text = String::new();
    for path in &paths {
        let bytes = fs::read(path).map_err(|error| io(path, &error))?;
        let name = path.strip_prefix(folder).unwrap_or(path);
        text += &format!(
            "{}  {}\n",
            hex::encode(Sha256::digest(bytes)),
            name.display()
        );
    }
    let file = folder.join(NAME);
    fs::write(&file, text).map_err(|error| io(&file, &error))?;
    Ok(format!("{NAME} of {} files", paths.len()))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder).map_err(|error| io(folder, &error))? {
        let path = entry.map_err(|error| io(folder, &error))?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.file_name().is_some_and(|name| name != NAME) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NAME, write};

    #[test]
    fn every_file_has_its_sum_also_the_second_time() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("inner")).expect("folder");
        std::fs::write(folder.path().join("a"), "").expect("written");
        std::fs::write(folder.path().join("inner/b"), "abc").expect("written");
        for _ in 0..2 {
            write(folder.path()).expect("sums");
            let text = std::fs::read_to_string(folder.path().join(NAME)).expect("sums");
            assert_eq!(
                text,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
                 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  inner/b\n"
            );
        }
    }
}
