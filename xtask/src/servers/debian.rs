//! Server programs out of Debian's packages of any release: each in a folder of its own, with its own C library and a
//! script that starts it. Must not install a package, nor touch this machine's package lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{mismatch, unpacking};
use crate::failure::{Failure, Outcome};
use crate::shell;

/// What Debian's lists are signed with, for every release that it still serves.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The hashes in `servers.toml` are of packages for this machine.
const MACHINE: &str = "x86_64";
/// Where the programs' libraries lie in a package.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
/// What starts a program with libraries other than this machine's.
const LOADER: &str = "ld-linux-x86-64.so.2";

/// Debian's releases, each with lists of its own that are fetched once.
pub(super) struct Suites {
    folder: PathBuf,
    fetched: Mutex<BTreeSet<String>>,
}

impl Suites {
    /// With the lists below `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            fetched: Mutex::default(),
        }
    }

    /// Unpacks packages and libraries beside `program`, which becomes the script that starts what they hold.
    pub(super) fn unpack(
        &self,
        suite: &str,
        packages: &BTreeMap<String, String>,
        libraries: &[String],
        temporary: &Path,
        program: &Path,
    ) -> Outcome {
        if std::env::consts::ARCH != MACHINE {
            return Err(Failure::new(format!(
                "its packages are pinned for {MACHINE} only"
            )));
        }
        let fetched = temporary.join("fetched");
        fs::create_dir_all(&fetched).map_err(unpacking)?;
        // One at a time: they share lists and a cache.
        let mut known = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let mut download = self.apt(suite, &mut known)?;
        download
            .current_dir(&fetched)
            .arg("download")
            .args(packages.keys())
            .args(libraries);
        shell::output(&mut download)?;
        drop(known);
        let made = program.parent().unwrap_or(temporary);
        let root = made.join("root");
        for entry in fs::read_dir(&fetched).map_err(unpacking)?.flatten() {
            compare(&entry.path(), packages)?;
            let mut dpkg = Command::new("dpkg");
            dpkg.arg("-x").arg(entry.path()).arg(&root);
            shell::output(&mut dpkg)?;
        }
        fs::write(program, script(&root, program)?).map_err(unpacking)
    }

    /// apt-get with the lists of this release and nothing of this machine's.
    fn apt(&self, suite: &str, fetched: &mut BTreeSet<String>) -> Outcome<Command> {
        let folder = self.folder.join(format!("lists-{suite}"));
        let command = || {
            let mut apt = Command::new("apt-get");
            for (name, path) in [
                ("Dir::Etc::SourceList", "sources.list"),
                ("Dir::Etc::SourceParts", "none"),
                ("Dir::State::Lists", "lists"),
                ("Dir::State::status", "status"),
                ("Dir::Cache", "cache"),
            ] {
                apt.arg(format!("-o{name}={}", folder.join(path).display()));
            }
            // Its own user may not write below our folder.
            apt.args([
                "-qq",
                "-oAPT::Sandbox::User=root",
                "-oAcquire::Languages=none",
            ]);
            apt.arg("-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false");
            apt
        };
        if !fetched.contains(suite) {
            let _ = fs::remove_dir_all(&folder);
            for part in ["lists/partial", "cache/archives/partial", "none"] {
                fs::create_dir_all(folder.join(part)).map_err(unpacking)?;
            }
            let line = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror()?);
            fs::write(folder.join("sources.list"), line).map_err(unpacking)?;
            fs::write(folder.join("status"), "").map_err(unpacking)?;
            shell::output(command().arg("update"))?;
            fetched.insert(suite.to_owned());
        }
        Ok(command())
    }
}

impl Drop for Suites {
    fn drop(&mut self) {
        // They are old tomorrow.
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        for suite in fetched.iter() {
            let _ = fs::remove_dir_all(self.folder.join(format!("lists-{suite}")));
        }
    }
}

/// Where this machine gets Debian's packages from.
fn mirror() -> Outcome<String> {
    if shell::which("apt-get").is_none() {
        return Err(Failure::new(
            "it comes as Debian's package, and there is no apt-get",
        ));
    }
    let ask = || {
        let mut apt = Command::new("apt-get");
        apt.args(["indextargets", "--format", "$(REPO_URI)"]);
        let text = shell::output(apt.args(["Origin: Debian", "Label: Debian"]))?;
        Ok::<_, Failure>(text.lines().next().map(str::to_owned))
    };
    if let Some(found) = ask()? {
        return Ok(found);
    }
    // A fresh machine has no package lists yet.
    let updated = shell::output(Command::new("apt-get").args(["-qq", "update"]));
    ask()?.ok_or_else(|| {
        Failure::new(match updated {
            Ok(_) => "apt-get knows no mirror of Debian's".to_owned(),
            Err(failure) => format!("apt-get knows no mirror of Debian's yet: {failure}"),
        })
    })
}

/// Holds a package that is pinned to its hash; apt has held the others to Debian's signed lists.
fn compare(file: &Path, packages: &BTreeMap<String, String>) -> Outcome {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let package = name.split('_').next().unwrap_or_default();
    let Some(pinned) = packages.get(package) else {
        return Ok(());
    };
    let hash = hex::encode(Sha256::digest(fs::read(file).map_err(unpacking)?));
    if hash == *pinned {
        Ok(())
    } else {
        Err(mismatch(
            &format!("Debian's package {name}"),
            &format!("expected {pinned}; got {hash}"),
        ))
    }
}

/// Starts the program below `root` with the C library there, from wherever the folder lies.
fn script(root: &Path, program: &Path) -> Outcome<String> {
    // One release has a link to an absolute path, which would be this machine's own loader.
    let is_loader = |folder: &&&str| {
        let path = root.join(folder).join(LOADER);
        fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
    };
    let folder = LIBRARIES
        .iter()
        .find(is_loader)
        .ok_or_else(|| Failure::new(format!("its packages have no {LOADER}")))?;
    let loader = root.join(folder).join(LOADER);
    fs::set_permissions(loader, fs::Permissions::from_mode(0o755)).map_err(unpacking)?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let libraries = LIBRARIES.map(|folder| format!("$root/{folder}")).join(":");
    Ok(format!(
        "#!/bin/sh\n\
         # Written by `cargo xtask servers`: the program with the libraries of its own release.\n\
         root=\"${{0%/*}}/root\"\n\
         exec \"$root/{folder}/{LOADER}\" --library-path \"{libraries}\" \"$root/usr/bin/{name}\" \"$@\"\n"
    ))
}
