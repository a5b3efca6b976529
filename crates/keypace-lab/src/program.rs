//! Server programs on this machine: finds them and asks what they are.
//! Must not install anything and must not start a server.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{LabError, LabErrorKind};

/// The environment variable that names a server program by its path, before any other is looked for.
pub const SERVER_VARIABLE: &str = "KEYPACE_SERVER";

/// Valkey first: where both are there, the one that is still free software is the default.
const PROGRAM_NAMES: [&str; 2] = ["valkey-server", "redis-server"];

/// A server program that has answered `--version`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Program {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// What it calls itself: `redis` or `valkey`. Not what its file is called: some packages alias one to the other.
    pub name: String,
    /// Its version, such as `7.0.15`.
    pub version: String,
}

impl Program {
    /// Asks the program at `path` what it is.
    ///
    /// # Errors
    /// `BadProgram` where it does not run, or is no Redis or Valkey server.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, LabError> {
        let path = path.as_ref();
        let failed = || {
            LabError::new(
                LabErrorKind::BadProgram,
                format!("run {} --version", path.display()),
            )
        };
        let absolute = std::path::absolute(path).map_err(|error| failed().because(error))?;
        let output = Command::new(&absolute)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed().because(error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (name, version) = parse_version(&text).ok_or_else(|| {
            let first = text.lines().next().unwrap_or_default();
            failed().because(format!(
                "it is no redis or valkey server: it ended with {} and printed {first:?}",
                output.status
            ))
        })?;
        Ok(Self {
            path: absolute,
            name,
            version,
        })
    }

    /// The program to use: the one that `KEYPACE_SERVER` names, else `valkey-server` or `redis-server` on PATH, else
    /// one under `target/servers` of the workspace around the current folder.
    ///
    /// # Errors
    /// `BadProgram` where `KEYPACE_SERVER` names something else; `NoProgram` where there is none, with a hint that
    /// says how to install one.
    pub fn find() -> Result<Self, LabError> {
        if let Some(path) = env::var_os(SERVER_VARIABLE) {
            return Self::at(PathBuf::from(path)).map_err(|error| {
                error.with_hint(format!(
                    "{SERVER_VARIABLE} must be the path of a redis-server or valkey-server program"
                ))
            });
        }
        let mut last = None;
        for path in candidates() {
            match Self::at(&path) {
                Ok(program) => return Ok(program),
                Err(error) => last = Some(error),
            }
        }
        let error = LabError::new(
            LabErrorKind::NoProgram,
            "find a redis-server or valkey-server program on this machine",
        )
        .with_hint(install_hint());
        Err(match last {
            Some(cause) => error.because(cause),
            None => error,
        })
    }

    /// One program of each name that runs, the first that `find` would come to: a Redis and a Valkey, where both are
    /// here. Older versions below `target/servers` are for those who ask for them by their path. Empty where there is
    /// none: whoever needs one asks `find`, which says how to get it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let named = env::var_os(SERVER_VARIABLE).map(PathBuf::from);
        let mut seen = HashSet::new();
        named
            .into_iter()
            .chain(candidates())
            .filter_map(|path| Self::at(path).ok())
            .filter(|program| seen.insert(program.name.clone()))
            .collect()
    }

    /// The first two numbers of the version, for comparing.
    pub(crate) fn release(&self) -> (u32, u32) {
        let mut numbers = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Name and version in one: `redis 7.0.15`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// How to install a server program here: the commands of the package managers that are on PATH, or of all that we
/// know where none is.
#[must_use]
pub fn install_hint() -> String {
    const INSTALLERS: [(&str, &str); 4] = [
        ("apt-get", "apt-get install redis-server"),
        ("dnf", "dnf install valkey"),
        ("brew", "brew install valkey"),
        ("apk", "apk add valkey"),
    ];
    let here: Vec<&str> = INSTALLERS
        .iter()
        .filter(|(tool, _)| on_path(tool).is_some())
        .map(|(_, line)| *line)
        .collect();
    let lines = if here.is_empty() {
        INSTALLERS.iter().map(|(_, line)| *line).collect()
    } else {
        here
    };
    format!(
        "install one with `{}`, or set {SERVER_VARIABLE} to the path of a server program",
        lines.join("` or `")
    )
}

/// Paths that may hold a server program, PATH before `target/servers`.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = PROGRAM_NAMES
        .iter()
        .filter_map(|name| on_path(name))
        .collect();
    if let Ok(folder) = env::current_dir() {
        for above in folder.ancestors() {
            // Only beside a manifest: a `target/servers` that somebody left in a shared folder is not ours to run.
            if above.join("Cargo.toml").is_file() {
                found.extend(under(&above.join("target/servers")));
            }
        }
    }
    found
}

/// The newest server program of each name, one folder below `servers`. A folder is named after what it holds, as
/// `redis-7.0`.
fn under(servers: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(servers) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort_by_cached_key(|folder| Reverse((numbers(folder), folder.clone())));
    let newest = |name: &&str| {
        let mut paths = folders.iter().map(|folder| folder.join(name));
        paths.find(|path| is_executable(path))
    };
    PROGRAM_NAMES.iter().filter_map(newest).collect()
}

/// The version that a folder is named after, for comparing: 10.0 is newer than 9.1.
fn numbers(folder: &Path) -> Vec<u32> {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    let version = name.as_deref().and_then(|name| name.rsplit('-').next());
    let parts = version.into_iter().flat_map(|version| version.split('.'));
    parts.map_while(|part| part.parse().ok()).collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Reads `Redis server v=7.0.15 sha=...`.
fn parse_version(text: &str) -> Option<(String, String)> {
    let mut words = text.split_whitespace();
    let name = match words.next()? {
        "Redis" => "redis",
        "Valkey" => "valkey",
        _ => return None,
    };
    let version = words.find_map(|word| word.strip_prefix("v="))?;
    let starts_with_digit = version.starts_with(|first: char| first.is_ascii_digit());
    starts_with_digit.then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::Program;
    use super::install_hint;
    use super::parse_version;
    use super::under;
    use crate::LabErrorKind;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn versions_of_known_servers_are_read() {
        let cases = [
            (
                "Redis server v=2.8.17 sha=00000000:0 malloc=libc bits=64 build=1",
                Some(("redis", "2.8.17")),
            ),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64",
                Some(("redis", "7.0.15")),
            ),
            (
                "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64",
                Some(("valkey", "9.1.2")),
            ),
            ("redis-cli 7.0.15", None),
            ("Redis server v= sha=0", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(parse_version(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_program_that_is_no_server_is_named() {
        let error = Program::at("/bin/sh").expect_err("a shell is no server");
        assert_eq!(error.kind(), LabErrorKind::BadProgram);
        assert!(format!("{error:?}").contains("/bin/sh"), "{error:?}");
    }

    #[test]
    fn the_hint_names_the_variable() {
        assert!(install_hint().contains("KEYPACE_SERVER"));
    }

    #[test]
    fn the_newest_runnable_file_of_each_name_is_found() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let path = |folder: &str, name: &str| root.path().join(folder).join(name);
        for (folder, name, mode) in [
            ("redis-7.0", "redis-server", 0o755),
            ("redis-2.8", "redis-server", 0o755),
            ("redis-8.0", "redis-server", 0o644),
            ("valkey-9.1", "valkey-server", 0o755),
            ("valkey-10.0", "valkey-server", 0o755),
            ("tmp", "other", 0o755),
        ] {
            fs::create_dir_all(root.path().join(folder)).expect("a folder");
            fs::write(path(folder, name), "").expect("a file");
            fs::set_permissions(path(folder, name), fs::Permissions::from_mode(mode))
                .expect("a mode");
        }
        assert_eq!(
            under(root.path()),
            [
                path("valkey-10.0", "valkey-server"),
                path("redis-7.0", "redis-server")
            ]
        );
    }
}
