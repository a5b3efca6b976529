//! `keypace completions SHELL`: a script made from the tree of arguments. Writes nothing itself.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;

/// The script.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keypace", &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    #[test]
    fn every_shell_has_every_command() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Elvish,
        ] {
            let script = String::from_utf8(super::script(shell)).expect("UTF-8");
            for command in ["scan", "count", "delete", "demo"] {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }
}
