//! `cargo xtask book`: the book of `docs/`, built by mdBook below the target folder, and with `--check` held: every link
//! and anchor of the built pages leads somewhere. Must not change a page; what a book can't show is left out of a copy.

mod copy;
mod links;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{self, Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// Pinned, so that the same pages make the same book everywhere.
const MDBOOK: &str = "0.5.4";

/// Builds the book and says where it is.
pub(crate) fn run(words: &[String]) -> Outcome {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => return Err(failure::usage("book takes --check and nothing else")),
    };
    let workspace = Workspace::find()?;
    let mdbook = have(&workspace)?;
    let folder = workspace.target.join("book");
    let (source, html) = (folder.join("source"), folder.join("html"));
    empty(&source)?;
    empty(&html)?;
    copy::whole(&workspace.root, &source)?;
    let mut build = Command::new(mdbook);
    build.arg("build").arg(&source).arg("--dest-dir").arg(&html);
    shell::output(&mut build)?;
    println!("built: {}", html.join("index.html").display());
    if !check {
        return Ok(());
    }
    let found = links::broken(&html)?;
    println!("{} links on {} pages", found.links, found.pages);
    if found.broken.is_empty() && found.links > 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the book has links that lead nowhere, or none at all:\n{}",
        found.broken.join("\n")
    )))
}

/// mdBook at the pinned version: the one on PATH, or ours, which is installed where it is missing.
fn have(workspace: &Workspace) -> Outcome<PathBuf> {
    let tools = workspace.target.join("tools");
    let ours = tools.join("bin/mdbook");
    let candidates = [shell::which("mdbook"), Some(ours.clone())];
    let is_pinned = |program: &PathBuf| {
        let said = shell::output(Command::new(program).arg("--version"));
        said.is_ok_and(|text| text.trim() == format!("mdbook v{MDBOOK}"))
    };
    if let Some(program) = candidates.into_iter().flatten().find(is_pinned) {
        return Ok(program);
    }
    let mut install = shell::cargo(&workspace.root);
    install
        .args(["install", "mdbook", "--locked", "--version", MDBOOK])
        .args(["--no-default-features", "--features", "search", "--root"])
        .arg(&tools)
        // Its own folder: what it is built of has other features than what we build.
        .env("CARGO_TARGET_DIR", tools.join("build"));
    shell::run(&mut install)?;
    if is_pinned(&ours) {
        Ok(ours)
    } else {
        Err(Failure::new(format!(
            "mdbook {MDBOOK} was installed, and {} is not it",
            ours.display()
        )))
    }
}

/// Makes a folder, without what an earlier book left there.
fn empty(folder: &Path) -> Outcome {
    let made = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    };
    made.map_err(|error| Failure::new(format!("failed to empty {}: {error}", folder.display())))
}
