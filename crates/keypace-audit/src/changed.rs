//! Which files changed since a commit, as git says. Asks git, and nothing else.
//! Must not change the work tree or run what its config names.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::AuditError;

/// Files that changed below one PATH.
#[derive(Debug)]
pub(crate) struct Changed {
    files: BTreeSet<String>,
}

impl Changed {
    /// What differs from `reference` in the work tree, and what git does not know yet. Where both have a common
    /// ancestor it is compared with that: what others did to the branch since is not ours.
    pub(crate) fn since(reference: &str, root: &Path, base: &Path) -> Result<Self, AuditError> {
        let failed = |why: String| AuditError::Changed {
            reference: reference.to_owned(),
            path: root.to_owned(),
            why,
        };
        // Git would take it for an option.
        if reference.is_empty() || reference.starts_with('-') {
            return Err(failed("that is no name of a commit".to_owned()));
        }
        let base = if base.as_os_str().is_empty() {
            Path::new(".")
        } else {
            base
        };
        let ancestor = git(base, &["merge-base", reference, "HEAD"]);
        let from = ancestor.map_or_else(|_| reference.to_owned(), |text| text.trim().to_owned());
        let differ = [
            "diff",
            "--name-only",
            "--no-ext-diff",
            "--relative",
            "-z",
            &from,
            "--",
        ];
        let unknown = ["ls-files", "--others", "--exclude-standard", "-z"];
        let mut files = BTreeSet::new();
        for words in [&differ[..], &unknown[..]] {
            let names = git(base, words).map_err(failed)?;
            files.extend(
                names
                    .split('\0')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            );
        }
        if root != base && root.is_file() {
            // Git speaks of the file's folder, the walk of the file as it was typed.
            let name = root.file_name().unwrap_or_default().to_string_lossy();
            let is_changed = files.contains(name.as_ref());
            let typed = root.strip_prefix("./").unwrap_or(root).to_string_lossy();
            files = is_changed.then(|| typed.into_owned()).into_iter().collect();
        }
        Ok(Self { files })
    }

    /// Whether this file changed; relative to the PATH.
    pub(crate) fn has(&self, relative: &str) -> bool {
        self.files.contains(relative)
    }
}

/// What git prints; what it complains of is the error.
fn git(folder: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        // A repository that is looked at must not start programs.
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(words)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("git can't be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| !line.is_empty());
    Err(line.unwrap_or("git failed").to_owned())
}
