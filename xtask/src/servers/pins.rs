//! `servers.toml`: which server programs there are to be, where each comes from, and its hashes.
//! Must not fetch anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::{Failure, Outcome};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pins {
    server: Vec<Pin>,
}

/// One server program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pin {
    /// Its folder, such as `redis-7.0`.
    pub(super) name: String,
    /// What it has to call itself.
    pub(super) version: String,
    pub(super) from: Origin,
}

/// Where a program comes from.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Origin {
    /// A Python source package with the server's source in it.
    Source {
        package: String,
        sha256: Vec<String>,
    },
    /// A Python wheel with the program in it; a hash for each platform.
    Wheel {
        package: String,
        sha256: Vec<String>,
        /// What the program's path in it ends with.
        member: String,
        #[serde(default)]
        python: Option<String>,
    },
    /// Debian's packages, by name with their hashes, and the libraries that run them.
    Debian {
        suite: String,
        packages: BTreeMap<String, String>,
        libraries: Vec<String>,
    },
}

impl Pin {
    /// What its program is called.
    pub(super) fn program(&self) -> &'static str {
        if self.name.starts_with("valkey") {
            "valkey-server"
        } else {
            "redis-server"
        }
    }

    /// All of it, for comparing.
    pub(super) fn text(&self) -> String {
        format!("{self:?}\n")
    }
}

/// Reads the pins of the workspace at `root`.
pub(super) fn read(root: &Path) -> Outcome<Vec<Pin>> {
    let path = root.join("servers.toml");
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("failed to read {}: {error}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let pins: Pins = toml::from_str(&text).map_err(|error| failed(&error))?;
    Ok(pins.server)
}

#[cfg(test)]
mod tests {
    use super::{Origin, read};
    use std::path::Path;

    #[test]
    fn every_program_is_pinned_by_whole_hashes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pins = read(&root).expect("servers.toml");
        assert_eq!(pins.len(), 8);
        for pin in &pins {
            let minor = pin.name.split('-').next_back().expect("a version");
            assert!(pin.version.starts_with(&format!("{minor}.")), "{pin:?}");
            let hashes: Vec<&String> = match &pin.from {
                Origin::Source { sha256, .. } | Origin::Wheel { sha256, .. } => {
                    sha256.iter().collect()
                }
                Origin::Debian { packages, .. } => packages.values().collect(),
            };
            assert!(!hashes.is_empty(), "{pin:?}");
            for hash in hashes {
                assert!(
                    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{hash} of {}",
                    pin.name
                );
            }
        }
    }
}
