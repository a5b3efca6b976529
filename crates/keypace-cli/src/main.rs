//! The program `keypace`: parses, dispatches, exits. Behaviour is in `cmd` and in the library.

mod args;
mod cmd;
mod exit;
mod render;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cmd::run(args::Cli::parse()).into()
}
