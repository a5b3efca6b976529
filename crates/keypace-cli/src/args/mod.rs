//! What was typed: flags, arguments and their help, one file a command. Gives nothing a meaning: `settings` does.

#[cfg(feature = "audit")]
mod audit;
mod bench;
mod count;
mod delete;
mod global;
mod index;
mod inspect;
#[cfg(all(test, feature = "audit"))]
mod reference;
mod restore;
mod scan;
mod select;
mod serve;
mod stats;

use clap::{Parser, Subcommand};

#[cfg(feature = "audit")]
pub(crate) use self::audit::{Audit, AuditFormat, FailOn, Level};
pub(crate) use self::bench::{Bench, BenchJob};
pub(crate) use self::count::Count;
pub(crate) use self::delete::Delete;
pub(crate) use self::global::{Global, ProgressChoice, Topology};
pub(crate) use self::index::{
    Index, IndexAction, IndexAssign, IndexList, IndexOf, IndexOld, IndexOwner, IndexRebuild,
    IndexRekey, IndexVerify,
};
pub(crate) use self::inspect::Inspect;
pub(crate) use self::restore::Restore;
pub(crate) use self::scan::{Field, Scan};
pub(crate) use self::select::{Filter, Resume, Select};
pub(crate) use self::serve::{LogForm, Serve};
pub(crate) use self::stats::Stats;

const TOP_EXAMPLES: &str = "\
Examples:
  keypace count 'session:*'
  keypace delete --dry-run 'session:*'
  keypace delete --backup sessions.kpb 'session:*'
  keypace demo

Settings come from flags, then the environment (KEYPACE_URL, KEYPACE_PASSWORD), then a file
(--config, else keypace/config.toml in your configuration folder), then defaults.
KEYPACE_LOG=debug shows what happens on the wire's edge.

Exit codes: 0 done and complete, 1 ended incomplete, 2 usage, 3 no connection or refused by the
server, 4 refused by a guard or not confirmed, 130 interrupted (can be resumed).";

const DEMO_EXAMPLES: &str = "\
Example:
  keypace demo

Needs valkey-server or redis-server on PATH, or its path in KEYPACE_SERVER.";

const COMPLETIONS_EXAMPLES: &str = "\
Example:
  keypace completions bash > ~/.local/share/bash-completion/completions/keypace";

const MAN_EXAMPLES: &str = "\
Example:
  keypace man > ~/.local/share/man/man1/keypace.1
  keypace man delete > ~/.local/share/man/man1/keypace-delete.1";

const CONNECTION: &str = "Connection";
const PACE: &str = "Pace";
const OUTPUT: &str = "Output";
const SELECTING: &str = "Selecting";
const SAFETY: &str = "Safety";

/// Scan, count and delete keys in production Redis and Valkey at a pace the server can stand.
#[derive(Debug, Parser)]
#[command(
    name = "keypace",
    version,
    after_help = "Examples and all flags: keypace --help, keypace COMMAND --help",
    after_long_help = TOP_EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Flags that every command takes, before or after its name.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List keys, one a line
    #[command(after_long_help = scan::EXAMPLES)]
    Scan(Scan),
    /// Count keys, by pattern or by prefix
    #[command(after_long_help = count::EXAMPLES)]
    Count(Count),
    /// Say what the keyspace is made of: keys, bytes, types, TTLs, idle times, the biggest keys
    #[command(after_long_help = stats::EXAMPLES)]
    Stats(Stats),
    /// Delete keys: plan, confirm, delete
    #[command(after_long_help = delete::EXAMPLES, override_usage = delete::USAGE)]
    Delete(Delete),
    /// Bring back what `delete --backup` saved
    #[command(after_long_help = restore::EXAMPLES)]
    Restore(Restore),
    /// Find records by their owner: make the index, verify it, list
    #[command(after_long_help = index::EXAMPLES)]
    Index(Index),
    /// Find what is hurting a live server: blocking commands, who sends them, settings
    #[command(after_long_help = inspect::EXAMPLES)]
    Inspect(Inspect),
    /// Serve HTTP: jobs that outlive the browser, sessions, a page
    #[command(after_long_help = serve::EXAMPLES)]
    Serve(Serve),
    /// Find code that asks Redis for too much: KEYS, unbounded SCAN, reads in a loop
    #[cfg(feature = "audit")]
    #[command(after_long_help = audit::EXAMPLES)]
    Audit(Audit),
    /// A tour on a private server: what other clients wait, beside KEYS
    #[command(after_long_help = DEMO_EXAMPLES)]
    Demo,
    /// Measure KEYS, SCAN, bulk reads and deletes side by side, and what other clients wait
    #[command(after_long_help = bench::EXAMPLES)]
    Bench(Bench),
    /// Write a completion script for a shell to stdout
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page to stdout
    #[command(after_long_help = MAN_EXAMPLES)]
    Man {
        /// The command it describes, else keypace itself
        #[arg(value_parser = ["scan", "count", "stats", "delete", "restore", "index", "inspect", "serve", "audit", "demo", "bench", "completions", "man"])]
        command: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, Field};
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_tree_of_arguments_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn globals_stand_on_either_side_of_the_command() {
        for typed in [
            ["keypace", "--rate", "5", "count", "a*"],
            ["keypace", "count", "--rate", "5", "a*"],
            ["keypace", "count", "a*", "--rate", "5"],
        ] {
            let cli = Cli::try_parse_from(typed).expect("parse");
            assert_eq!(cli.global.rate, Some(5), "{typed:?}");
        }
    }

    fn refused(typed: &[&str]) -> String {
        let typed = ["keypace"].iter().chain(typed);
        let error = Cli::try_parse_from(typed).expect_err("refused");
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    #[test]
    fn keys_come_from_patterns_or_from_a_list() {
        for typed in [&["delete", "a*"][..], &["delete", "--keys-from", "-"]] {
            assert!(Cli::try_parse_from(["keypace"].iter().chain(typed)).is_ok());
        }
        for typed in [&["delete"][..], &["delete", "--keys-from", "f", "a*"]] {
            assert!(refused(typed).contains("PATTERN"), "{typed:?}");
        }
        refused(&["count", "--keys-from", "f"]);
    }

    #[test]
    fn what_a_dry_run_can_t_do_is_refused() {
        for flag in ["--verify", "--verify-until-empty=3"] {
            let text = refused(&["delete", "--dry-run", flag, "a*"]);
            assert!(text.contains("--dry-run"), "{text}");
            // What a limit leaves is left on purpose.
            let text = refused(&["delete", "--limit", "5", flag, "a*"]);
            assert!(text.contains("--limit"), "{text}");
        }
        refused(&["delete", "--verify-until-empty=0", "a*"]);
        refused(&["delete", "--backup-max-value=1MiB", "a*"]);
    }

    #[test]
    fn fields_come_in_the_order_given() {
        let typed = [
            "keypace",
            "scan",
            "--with",
            "size,type",
            "--with",
            "ttl",
            "a",
        ];
        let Command::Scan(scan) = Cli::try_parse_from(typed).expect("parse").command else {
            panic!("not a scan");
        };
        assert_eq!(scan.with, [Field::Size, Field::Type, Field::Ttl]);
        let text = refused(&["scan", "--with", "age", "a"]);
        assert!(text.contains("type, ttl, idle, size"), "{text}");
    }

    #[test]
    fn a_negative_count_is_for_settings_to_judge() {
        let cli = Cli::try_parse_from(["keypace", "--count", "-5", "count", "a"]).expect("parse");
        assert_eq!(cli.global.count.as_deref(), Some("-5"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pattern_is_bytes() {
        use std::ffi::OsString;
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        let cli = Cli::try_parse_from([
            OsString::from("keypace"),
            OsString::from("scan"),
            OsString::from_vec(b"\xff*".to_vec()),
        ])
        .expect("parse");
        let Command::Scan(scan) = cli.command else {
            panic!("not a scan");
        };
        assert_eq!(scan.select.patterns[0].as_bytes(), b"\xff*");
    }

    #[test]
    fn every_command_s_help_ends_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command
                .get_after_long_help()
                .unwrap_or_else(|| panic!("{} has no example", command.get_name()))
                .to_string();
            assert!(
                help.contains(&format!("keypace {}", command.get_name()))
                    || help.contains(&format!("{} ", command.get_name())),
                "{help}"
            );
        }
    }
}
