//! The Debian package, by cargo-deb: the program, a page for every command, completions. It is listed, unpacked and run.
//! Must not install anything on this machine but cargo-deb, below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Built, Ground, fresh, io, limits, pages, program, shown, within};
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::tools::{self, CARGO_DEB};

/// Where the package's manifest says that pages and completions are, below the target folder.
const SHARE: &str = "release/keypace-share";

pub(super) fn make(ground: &Ground) -> Outcome<Built> {
    let tool = match tools::have(&ground.workspace, &CARGO_DEB) {
        Ok(tool) => tool,
        Err(reason) => return Ok(Built::No(reason.to_string())),
    };
    let built = program::build_gnu(ground)?;
    let share = ground.workspace.target.join(SHARE);
    let names = pages::write(&ground.workspace, &built.path, &share)?;
    compress(&share, &names)?;
    let package = pack(ground, &tool)?;
    let bytes = within(&package, limits::DEB_BYTES)?;
    let listing = shell::output(Command::new("dpkg-deb").arg("--contents").arg(&package))?;
    let missing = missing(&listing, &names);
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "{} lacks {}",
            package.display(),
            missing.join(", ")
        )));
    }
    let version = run_unpacked(ground, &package)?;
    let needs = shell::output(
        Command::new("dpkg-deb")
            .arg("--field")
            .arg(&package)
            .arg("Depends"),
    )?;
    Ok(Built::Yes(format!(
        "{}: {}; {} pages, {} completions; needs {}; unpacked it says {version}",
        package.file_name().unwrap_or_default().to_string_lossy(),
        shown(bytes),
        names.len(),
        pages::SHELLS.len(),
        needs.trim(),
    )))
}

/// Debian's pages are compressed; cargo-deb takes them as they are.
fn compress(share: &Path, pages: &[String]) -> Outcome {
    let mut gzip = Command::new("gzip");
    gzip.args(["--best", "--no-name"]);
    for name in pages {
        gzip.arg(share.join("man").join(name));
    }
    shell::run(&mut gzip)
}

fn pack(ground: &Ground, tool: &Path) -> Outcome<PathBuf> {
    let mut command = Command::new(tool);
    command
        .current_dir(&ground.workspace.root)
        // Cargo calls its own commands with their name first.
        .args(["deb", "--no-build", "--locked", "--package", "keypace-cli"])
        .arg("--output")
        .arg(&ground.folder);
    let said = shell::output(&mut command)?;
    let path = said.lines().rev().map(|line| PathBuf::from(line.trim()));
    path.into_iter()
        .find(|path| path.extension().is_some_and(|kind| kind == "deb"))
        .ok_or_else(|| Failure::new(format!("cargo-deb does not name its package: {said:?}")))
}

/// What should be in the package and is not.
fn missing(listing: &str, pages: &[String]) -> Vec<String> {
    let mut wanted = vec![
        "./usr/bin/keypace".to_owned(),
        "./usr/share/doc/keypace/copyright".to_owned(),
        "./usr/share/bash-completion/completions/keypace".to_owned(),
        "./usr/share/fish/vendor_completions.d/keypace.fish".to_owned(),
        "./usr/share/zsh/vendor-completions/_keypace".to_owned(),
    ];
    wanted.extend(
        pages
            .iter()
            .map(|name| format!("./usr/share/man/man1/{name}.gz")),
    );
    let has = |path: &String| {
        listing
            .lines()
            .any(|line| line.ends_with(&format!(" {path}")))
    };
    wanted.retain(|path| !has(path));
    wanted
}

/// What the program in the package says when it runs from where it is unpacked.
fn run_unpacked(ground: &Ground, package: &Path) -> Outcome<String> {
    let root = ground.workspace.target.join("dist-work/debian");
    fresh(&root)?;
    shell::output(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(package)
            .arg(&root),
    )?;
    let said = shell::output(
        ground
            .workspace
            .keypace(&root.join("usr/bin/keypace"))
            .arg("--version"),
    )?;
    fs::remove_dir_all(&root).map_err(|error| io(&root, &error))?;
    Ok(said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_page_that_was_left_out_of_the_package_is_missed() {
        let line = |path: &str| format!("-rw-r--r-- 0/0 9 2026-01-01 00:00 {path}\n");
        let listing: String = [
            "./usr/bin/keypace",
            "./usr/share/doc/keypace/copyright",
            "./usr/share/bash-completion/completions/keypace",
            "./usr/share/fish/vendor_completions.d/keypace.fish",
            "./usr/share/zsh/vendor-completions/_keypace",
            "./usr/share/man/man1/keypace.1.gz",
        ]
        .map(line)
        .concat();
        let pages = ["keypace.1".to_owned(), "keypace-scan.1".to_owned()];
        assert_eq!(missing(&listing, &pages[..1]), Vec::<String>::new());
        assert_eq!(
            missing(&listing, &pages),
            ["./usr/share/man/man1/keypace-scan.1.gz"]
        );
    }
}
