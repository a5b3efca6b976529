//! PostgreSQL's programs on this machine: finds them and asks for their version.
//! Must not install or start anything.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{LabError, LabErrorKind};

/// The environment variable that names the folder of PostgreSQL's programs, before any other is looked for.
pub const POSTGRES_VARIABLE: &str = "KEYPACE_POSTGRES";

/// Where packages put a folder for each version, and what stands before the version in its name: Debian, for one, does
/// not put the server on PATH.
const PACKAGE_FOLDERS: [(&str, &str); 3] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
];

/// The folder that holds `initdb` and `postgres`, which has answered `--version`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresProgram {
    /// Where both are, absolute.
    pub folder: PathBuf,
    /// Its version, such as `15.13`.
    pub version: String,
}

impl PostgresProgram {
    /// Asks the program in `folder` for its version.
    ///
    /// # Errors
    /// `BadProgram` where `postgres` or `initdb` is missing there, or it does not run.
    pub fn at(folder: impl AsRef<Path>) -> Result<Self, LabError> {
        let folder = folder.as_ref();
        let failed = || {
            LabError::new(
                LabErrorKind::BadProgram,
                format!("run {} --version", folder.join("postgres").display()),
            )
        };
        if !folder.join("initdb").is_file() {
            return Err(failed().because("there is no initdb beside it"));
        }
        let absolute = std::path::absolute(folder).map_err(|error| failed().because(error))?;
        let output = Command::new(absolute.join("postgres"))
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed().because(error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = parse_version(&text)
            .ok_or_else(|| failed().because(format!("it printed {:?}", text.trim())))?;
        Ok(Self {
            folder: absolute,
            version,
        })
    }

    /// The one that `KEYPACE_POSTGRES` names, else one on PATH, else the newest that a package has put aside.
    ///
    /// # Errors
    /// `BadProgram` where the variable names something else; `NoProgram` where there is none, with a hint.
    pub fn find() -> Result<Self, LabError> {
        if let Some(folder) = env::var_os(POSTGRES_VARIABLE) {
            return Self::at(PathBuf::from(folder)).map_err(|error| {
                error.with_hint(format!(
                    "{POSTGRES_VARIABLE} must be a folder with PostgreSQL's `initdb` and `postgres`"
                ))
            });
        }
        let on_path = env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = env::split_paths(&on_path).collect();
        folders.extend(
            PACKAGE_FOLDERS
                .iter()
                .flat_map(|(parent, prefix)| versions(Path::new(parent), prefix)),
        );
        let found = folders
            .iter()
            .filter(|folder| folder.join("postgres").is_file())
            .find_map(|folder| Self::at(folder).ok());
        found.ok_or_else(|| {
            LabError::new(
                LabErrorKind::NoProgram,
                "find PostgreSQL's programs on this machine",
            )
            .with_hint(postgres_install_hint())
        })
    }
}

/// How to install PostgreSQL here.
#[must_use]
pub fn postgres_install_hint() -> String {
    format!(
        "install it with `apt-get install postgresql`, or set {POSTGRES_VARIABLE} to the folder of `initdb`"
    )
}

/// The folders of programs that packages made in `parent`, the newest version first.
fn versions(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn parse_version(text: &str) -> Option<String> {
    let version = text
        .split_once("(PostgreSQL) ")?
        .1
        .split_whitespace()
        .next()?;
    let starts_with_digit = version.starts_with(|first: char| first.is_ascii_digit());
    starts_with_digit.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read() {
        let cases = [
            (
                "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)",
                Some("15.13"),
            ),
            ("postgres (PostgreSQL) 18beta1\n", Some("18beta1")),
            ("postgres (PostgreSQL) ", None),
            ("psql 15", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_version(text).as_deref(), expected, "{text:?}");
        }
    }
}
