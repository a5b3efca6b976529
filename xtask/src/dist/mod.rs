//! `cargo xtask dist`: what a release hands out, below `target/dist`, each piece looked at before it counts as built.
//! Must not publish anything, and must not count as built what this machine could not build.

mod archive;
mod crates;
mod debian;
mod limits;
mod pages;
mod program;
mod sbom;
mod startup;
mod sums;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome, usage};
use crate::workspace::Workspace;

/// What a piece came to.
enum Built {
    /// It is there, and this is what was seen of it.
    Yes(String),
    /// This machine can't build it, and why.
    No(String),
}

/// A piece of the release: its name for `--only`, and what makes and checks it.
struct Piece {
    name: &'static str,
    make: fn(&Ground) -> Outcome<Built>,
}

/// In this order: what rests on another comes after it.
const PIECES: [Piece; 5] = [
    Piece {
        name: "gnu",
        make: program::gnu,
    },
    Piece {
        name: "musl",
        make: program::musl,
    },
    Piece {
        name: "deb",
        make: debian::make,
    },
    Piece {
        name: "sbom",
        make: sbom::make,
    },
    Piece {
        name: "crates",
        make: crates::make,
    },
];

/// Where things come from and go to.
struct Ground {
    workspace: Workspace,
    /// The version of the release.
    version: String,
    /// `target/dist`.
    folder: PathBuf,
}

/// Builds all, or what `--only` names.
pub(crate) fn run(words: &[String]) -> Outcome {
    let pieces = chosen(words)?;
    let workspace = Workspace::find()?;
    let ground = Ground {
        version: workspace.version("keypace-cli")?,
        folder: workspace.target.join("dist"),
        workspace,
    };
    fs::create_dir_all(&ground.folder).map_err(|error| io(&ground.folder, &error))?;
    let mut lines = Vec::new();
    let mut is_whole = true;
    for piece in pieces {
        println!("== {}", piece.name);
        let line = match (piece.make)(&ground) {
            Ok(Built::Yes(seen)) => seen,
            Ok(Built::No(reason)) => {
                is_whole = false;
                format!("not built: {reason}")
            }
            Err(failure) => {
                is_whole = false;
                format!("failed: {failure}")
            }
        };
        lines.push(format!("{:<7} {line}", piece.name));
    }
    // Of what is there, whoever built it when: sums that leave a file out would be taken for a mistake.
    lines.push(format!("{:<7} {}", "sums", sums::write(&ground.folder)?));
    println!("== {} {}", ground.folder.display(), ground.version);
    for line in &lines {
        println!("{line}");
    }
    if is_whole {
        Ok(())
    } else {
        Err(Failure::new("a release needs every piece of it"))
    }
}

fn chosen(words: &[String]) -> Outcome<Vec<&'static Piece>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(PIECES.iter().collect()),
        ["--only", names] => {
            for name in names.split(',') {
                if !PIECES.iter().any(|piece| piece.name == name) {
                    return Err(usage(format!("there is no piece {name:?} of a release")));
                }
            }
            let is_named = |piece: &&Piece| names.split(',').any(|name| name == piece.name);
            Ok(PIECES.iter().filter(is_named).collect())
        }
        _ => Err(usage("dist takes --only PIECES or nothing")),
    }
}

/// An empty folder of this name: what an earlier run left would be found by this one.
fn fresh(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| io(folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| io(folder, &error))
}

/// Its bytes, if they are not more than `most`.
fn within(path: &Path, most: u64) -> Outcome<u64> {
    let bytes = fs::metadata(path).map_err(|error| io(path, &error))?.len();
    if bytes <= most {
        return Ok(bytes);
    }
    Err(Failure::new(format!(
        "{} has {} and may have {}: find what made it grow, or raise its bound in xtask/src/dist/limits.rs with the reason",
        path.display(),
        shown(bytes),
        shown(most),
    )))
}

/// Bytes for a person, in MiB.
fn shown(bytes: u64) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{}.{} MiB ({bytes} bytes)", tenths / 10, tenths % 10)
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed to use {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{chosen, shown, within};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn pieces_are_built_in_their_own_order_and_unknown_ones_are_refused() {
        let names = |text: &str| -> Option<Vec<&str>> {
            let pieces = chosen(&words(text)).ok()?;
            Some(pieces.iter().map(|piece| piece.name).collect())
        };
        assert_eq!(names("--only deb,gnu"), Some(vec!["gnu", "deb"]));
        assert_eq!(names("").map(|all| all.len()), Some(5));
        assert_eq!(names("--only rpm"), None);
        assert_eq!(names("--only"), None);
    }

    #[test]
    fn a_file_that_grew_beyond_its_bound_is_a_failure() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), [0; 11]).expect("written");
        assert!(within(file.path(), 11).is_ok());
        let failure = within(file.path(), 10).expect_err("grown").to_string();
        assert!(failure.contains("may have"), "{failure}");
    }

    #[test]
    fn sizes_are_shown_to_a_tenth() {
        assert_eq!(shown(1024 * 1024 * 3 / 2), "1.5 MiB (1572864 bytes)");
    }
}
