//! Manual pages of every command and completions of every shell, as the built program writes them.
//! Must not hold a page or a list of commands of its own.

use std::fs;
use std::path::Path;

use super::{fresh, io};
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// A shell, and the name under which it looks for a completion.
pub(super) const SHELLS: [(&str, &str); 3] = [
    ("bash", "keypace"),
    ("fish", "keypace.fish"),
    ("zsh", "_keypace"),
];

/// Writes `man/*.1` and `completions/SHELL/*` to `folder`, and returns the names of the pages.
pub(super) fn write(workspace: &Workspace, program: &Path, folder: &Path) -> Outcome<Vec<String>> {
    fresh(folder)?;
    let ask = |words: &[&str]| shell::output(workspace.keypace(program).args(words));
    let keep = |path: &Path, text: &str| {
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| io(parent, &error))?;
        fs::write(path, text).map_err(|error| io(path, &error))
    };
    let mut pages = vec!["keypace.1".to_owned()];
    keep(&folder.join("man/keypace.1"), &ask(&["man"])?)?;
    for command in commands(&ask(&["--help"])?)? {
        let name = format!("keypace-{command}.1");
        keep(&folder.join("man").join(&name), &ask(&["man", &command])?)?;
        pages.push(name);
    }
    for (name, file) in SHELLS {
        let path = folder.join("completions").join(name).join(file);
        keep(&path, &ask(&["completions", name])?)?;
    }
    Ok(pages)
}

/// The commands that the help lists.
fn commands(help: &str) -> Outcome<Vec<String>> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help");
    let found: Vec<_> = listed.map(str::to_owned).collect();
    if found.is_empty() {
        return Err(Failure::new("`keypace --help` lists no commands"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_those_that_the_help_lists() {
        let help = "Usage: keypace\n\nCommands:\n  scan   Keys\n         of a server\n  man    Pages\n  help   This\n\nOptions:\n  -h\n";
        assert_eq!(commands(help).expect("commands"), ["scan", "man"]);
        assert!(commands("Usage: keypace\n").is_err());
    }
}
