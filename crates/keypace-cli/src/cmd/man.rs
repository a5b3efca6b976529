//! `keypace man`: a manual page made from the tree of arguments. Writes nothing itself.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::{Exit, Halt, io_halt};

/// The page of keypace, or of one command.
pub(super) fn page(command: Option<&str>) -> Result<Vec<u8>, Halt> {
    let mut tree = Cli::command();
    // Flags that every command takes reach the commands only when the tree is built.
    tree.build();
    let subject = match command {
        None => tree,
        Some(name) => {
            let found = tree.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| Halt::usage(format!("find the command {name}")))?;
            found.display_name(format!("keypace-{name}"))
        }
    };
    let mut bytes = Vec::new();
    clap_mangen::Man::new(subject)
        .render(&mut bytes)
        .map_err(|error| io_halt(Exit::Incomplete, "write the manual page", &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn pages_exist_for_keypace_and_each_command() {
        for command in [None, Some("scan"), Some("delete"), Some("man")] {
            let text = String::from_utf8(page(command).expect("page")).expect("UTF-8");
            assert!(text.contains(".TH"), "{text}");
            assert!(
                text.contains("budget"),
                "{command:?} lacks the flags that every command takes"
            );
        }
    }
}
