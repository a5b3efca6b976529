//! What was typed: flags, arguments and their help. Gives nothing a meaning: `settings` does.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The deepest prefix worth a table: names with more segments are rare, and each level multiplies the rows.
const MAX_PREFIX_DEPTH: u64 = 16;

/// More matching keys than this, and as many others, are no size for a private server.
const MAX_BENCH_KEYS: u64 = 10_000_000;
/// A median gains nothing from more.
const MAX_BENCH_ROUNDS: i64 = 99;

const TOP_EXAMPLES: &str = "\
Examples:
  keypace count 'session:*'
  keypace delete --dry-run 'session:*'
  keypace demo

Settings come from flags, then the environment (KEYPACE_URL, KEYPACE_PASSWORD), then a file
(--config, else keypace/config.toml in your configuration folder), then defaults.
KEYPACE_LOG=debug shows what happens on the wire's edge.

Exit codes: 0 done and complete, 1 ended incomplete, 2 usage, 3 no connection or refused by the
server, 4 refused by a guard or not confirmed, 130 interrupted (can be resumed).";

const SCAN_EXAMPLES: &str = "\
Examples:
  keypace scan 'session:*' > sessions.txt
  keypace scan -0 'user:*' | xargs -0 -n 100 redis-cli mget
  keypace scan --type hash --exclude 'user:1*' --sorted 'user:*'";

const COUNT_EXAMPLES: &str = "\
Examples:
  keypace count 'session:*'
  keypace count --by-prefix 1 '*'
  keypace --json count 'session:*' 'cache:*'";

const DELETE_EXAMPLES: &str = "\
Examples:
  keypace delete --dry-run 'session:*'      what would go
  keypace delete 'session:*'                shows the plan and asks
  keypace --rate 5000 delete --yes --checkpoint run.ckpt 'session:*'
  keypace delete --yes --resume run.ckpt 'session:*'";

const DEMO_EXAMPLES: &str = "\
Example:
  keypace demo

Needs valkey-server or redis-server on PATH, or its path in KEYPACE_SERVER.";

const BENCH_EXAMPLES: &str = "\
Examples:
  keypace bench                                  sizes 100 to 1,000,000, some minutes
  keypace bench --keys 1000,100000 --only enumerate,delete --svg waits.svg
  keypace --json --budget 250us bench --rounds 5 > bench.json

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
    #[command(after_long_help = SCAN_EXAMPLES)]
    Scan(Scan),
    /// Count keys, by pattern or by prefix
    #[command(after_long_help = COUNT_EXAMPLES)]
    Count(Count),
    /// Delete keys: plan, confirm, delete
    #[command(after_long_help = DELETE_EXAMPLES)]
    Delete(Delete),
    /// A tour on a private server: what other clients wait, beside KEYS
    #[command(after_long_help = DEMO_EXAMPLES)]
    Demo,
    /// Measure KEYS, SCAN, bulk reads and deletes side by side, and what other clients wait
    #[command(after_long_help = BENCH_EXAMPLES)]
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
        #[arg(value_parser = ["scan", "count", "delete", "demo", "bench", "completions", "man"])]
        command: Option<String>,
    },
}

/// Flags that every command takes.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Global {
    /// The server: redis://, rediss://, unix:///path?db=N or redis-sentinel:// [env: KEYPACE_URL]
    ///
    /// [default: redis://127.0.0.1:6379]. Any node of a cluster will do; --url may be given several times, in case
    /// one doesn't answer, and KEYPACE_URL may hold several with commas or spaces between. Sentinels stand
    /// in one URL: redis-sentinel://host1:26379,host2:26379/NAME. Keep passwords out of it: other users of this
    /// machine see command lines. KEYPACE_PASSWORD and --password-file are for that.
    #[arg(long, global = true, value_name = "URL", help_heading = CONNECTION)]
    pub(crate) url: Vec<String>,
    /// The user to log in as
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) user: Option<String>,
    /// Read the password from a file, or `-` for stdin [env: KEYPACE_PASSWORD holds the password itself]
    #[arg(long, global = true, value_name = "FILE|-", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// A PEM file with the authorities to trust, in place of the system's
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// A PEM file with the client's certificate
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A PEM file with the client's private key
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) tls_key: Option<PathBuf>,
    /// How the servers stand to each other [default: auto]
    ///
    /// auto asks the server. Anything else is what it has to be: another is refused.
    #[arg(long, global = true, value_enum, help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) topology: Option<Topology>,
    /// Give up on one command after this long, 10s to 30s being sensible [default: 15s]
    #[arg(long, global = true, value_name = "DURATION", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) timeout: Option<String>,
    /// Try again this often, with growing pauses [default: 5]
    #[arg(long, global = true, value_name = "N", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) retries: Option<u32>,
    /// Settings in a TOML file, named as the flags with `_` for `-`
    ///
    /// [default: keypace/config.toml in your configuration folder, where it exists]. KEYS in place of
    /// SCAN is `use_scan = false` there. An unknown name is an error; `yes` and `all` never come from a file.
    #[arg(long, global = true, value_name = "FILE", help_heading = CONNECTION, hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,

    /// The extra wait this work may cause any other client, or `off` [default: 1ms]
    ///
    /// One command of this work goes at a time, as large as fits into the budget; while other clients keep the
    /// server busy by themselves, it holds back. `off` is full speed: nothing is held back, and COUNT grows while
    /// that makes the walk faster.
    #[arg(long, global = true, value_name = "DURATION|off", help_heading = PACE)]
    pub(crate) budget: Option<String>,
    /// Walk each node in N lanes at once, a power of two up to 64 [default: auto]
    ///
    /// auto: one, and several where round trips are long and the budget is off. Under a budget lanes take turns.
    #[arg(long, global = true, value_name = "N|auto", help_heading = PACE, hide_short_help = true)]
    pub(crate) lanes: Option<String>,
    /// In a cluster: walk at most N nodes at once [default: all]
    #[arg(long, global = true, value_name = "N", help_heading = PACE, hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_nodes: Option<u32>,
    /// In a cluster: walk what is served where some slots are not; the run is incomplete then
    #[arg(long, global = true, help_heading = PACE, hide_short_help = true)]
    pub(crate) allow_uncovered: bool,
    /// Scan and count on replicas, which may be behind; the outcome says so
    #[arg(long, global = true, help_heading = PACE, hide_short_help = true)]
    pub(crate) from_replica: bool,
    /// At most N keys a second, whatever the budget allows
    #[arg(long, global = true, value_name = "N", help_heading = PACE,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    /// Stop there as Ctrl-C would: after a while (10m) or at a time of day (06:30)
    #[arg(long, global = true, value_name = "DURATION|HH:MM", help_heading = PACE)]
    pub(crate) deadline: Option<String>,
    /// COUNT of each SCAN; a warning below 1 (then 1) or above 10000 [default: auto]
    #[arg(long, global = true, value_name = "N|auto", allow_hyphen_values = true,
        help_heading = PACE, hide_short_help = true)]
    pub(crate) count: Option<String>,
    /// Log each decision of the pace on stderr, as JSON lines
    #[arg(long, global = true, help_heading = PACE, hide_short_help = true)]
    pub(crate) explain_pace: bool,
    /// The safety valve: KEYS in place of SCAN, the output sorted
    ///
    /// KEYS blocks every other client until it is done. Refused above 1,000,000 keys without --i-know.
    #[arg(long, global = true, help_heading = PACE, hide_short_help = true)]
    pub(crate) use_keys: bool,
    /// Override the guard on --use-keys, or on bench --on, as their texts say
    #[arg(long, global = true, help_heading = PACE, hide_short_help = true)]
    pub(crate) i_know: bool,

    /// Machine output on stdout
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// How to show progress on stderr [default: auto]
    ///
    /// auto: a bar on a terminal, else a line now and then once the run has lasted some seconds.
    /// Where keys are written to the same terminal, lines take the place of the bar.
    #[arg(long, global = true, value_enum, help_heading = OUTPUT)]
    pub(crate) progress: Option<ProgressChoice>,
}

/// How the servers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Topology {
    /// Find out
    Auto,
    /// One server
    Standalone,
    /// The primaries of a cluster
    Cluster,
    /// The primary that Sentinels name
    Sentinel,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProgressChoice {
    /// Whatever suits where stderr goes
    Auto,
    /// A live bar
    Bar,
    /// A line every few seconds
    Plain,
    /// One JSON object a line
    Json,
    /// Nothing
    None,
}

/// Which keys.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Select {
    /// Which keys.
    #[arg(
        required = true,
        value_name = "PATTERN",
        help = "Which keys, as SCAN MATCH reads it: * ? [ab] [^a] [a-z] \\x"
    )]
    pub(crate) patterns: Vec<OsString>,
    /// Only keys of this type (string, list, set, zset, hash, stream); may be given several times
    #[arg(long = "type", value_name = "TYPE", help_heading = SELECTING)]
    pub(crate) types: Vec<String>,
    /// Not the keys that match this; may be given several times
    #[arg(long, value_name = "PATTERN", help_heading = SELECTING)]
    pub(crate) exclude: Vec<OsString>,
    /// Never more than N keys in total
    #[arg(long, value_name = "N", help_heading = SELECTING,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

/// Where a run's place is kept.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Resume {
    /// Keep the place in this file, so that the run can go on after a crash
    #[arg(long, value_name = "FILE", help_heading = SAFETY, hide_short_help = true)]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Go on from the place kept in this file
    #[arg(long, value_name = "FILE", help_heading = SAFETY, hide_short_help = true)]
    pub(crate) resume: Option<PathBuf>,
}

/// `keypace scan`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Scan {
    /// Which keys.
    #[command(flatten)]
    pub(crate) select: Select,
    /// Sort bytewise, without duplicates; all keys are held in memory first
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) sorted: bool,
    /// Without duplicates (SCAN may return a key twice); all keys are held in memory
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) exact: bool,
    /// End each key with NUL in place of a newline, for xargs -0
    #[arg(short = '0', help_heading = OUTPUT)]
    pub(crate) nul: bool,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}

/// `keypace count`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Count {
    /// Which keys.
    #[command(flatten)]
    pub(crate) select: Select,
    /// Count by the first DEPTH segments of the names (separated by `:`)
    #[arg(long, value_name = "DEPTH", help_heading = OUTPUT,
        value_parser = clap::value_parser!(u64).range(1..=MAX_PREFIX_DEPTH))]
    pub(crate) by_prefix: Option<u64>,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}

/// `keypace delete`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Delete {
    /// Which keys.
    #[command(flatten)]
    pub(crate) select: Select,
    /// Delete nothing: say what would be deleted
    ///
    /// Not without any effect: SCAN on a primary removes the expired keys that it meets.
    #[arg(long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
    /// Don't ask
    #[arg(long, help_heading = SAFETY)]
    pub(crate) yes: bool,
    /// Needed besides for a pattern that matches everything
    #[arg(long, help_heading = SAFETY)]
    pub(crate) all: bool,
    /// Stop before deleting more than N keys; the run is incomplete then
    #[arg(long, value_name = "N", help_heading = SAFETY)]
    pub(crate) max_delete: Option<u64>,
    /// Keys in one UNLINK [default: 500]
    #[arg(long, value_name = "N", help_heading = PACE, hide_short_help = true)]
    pub(crate) batch: Option<usize>,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}

/// `keypace bench`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Bench {
    /// How many keys match, one size or several; as many others are there [default: 100 to 1000000 by tens]
    #[arg(long, value_name = "N,...", value_delimiter = ',',
        value_parser = clap::value_parser!(u64).range(1..=MAX_BENCH_KEYS))]
    pub(crate) keys: Vec<u64>,
    /// 10,000,000 matching keys too: about 5 GB of memory, and some more minutes
    #[arg(long, conflicts_with = "keys")]
    pub(crate) large: bool,
    /// Measure each row so often, in turns, and keep the median by wall time
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=MAX_BENCH_ROUNDS))]
    pub(crate) rounds: u32,
    /// Only these jobs
    #[arg(long, value_enum, value_name = "JOB,...", value_delimiter = ',')]
    pub(crate) only: Vec<BenchJob>,
    /// Draw the waits of the largest size as a picture, listing and deleting, into this file
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(crate) svg: Option<PathBuf>,
    /// Measure on this server in place of a private one; needs --i-know
    ///
    /// redis://[user@]host[:port][/db] or unix:///path[?db=N]; --user, --password-file and
    /// KEYPACE_PASSWORD say as whom. It writes, lists, reads and deletes keys under a random prefix of its
    /// own, and nothing else, at full speed. KEYS and commands that name every key run only while the
    /// whole database holds fewer than 100,000 keys.
    #[arg(long, value_name = "URL", help_heading = SAFETY)]
    pub(crate) on: Option<String>,
}

/// What `keypace bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BenchJob {
    /// List keys by pattern
    Enumerate,
    /// Delete keys by pattern or by name
    Delete,
    /// Read values by name
    Read,
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
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

    #[test]
    fn flags_of_later_versions_are_unknown() {
        for flag in [
            "--trust-idle",
            "--idle-over=1d",
            "--has-ttl",
            "--size-over=1MiB",
            "--with=ttl",
            "--keys-from=x",
            "--backup=x",
            "--verify",
        ] {
            let error = Cli::try_parse_from(["keypace", "delete", flag, "a*"]).expect_err(flag);
            assert_eq!(error.exit_code(), 2, "{flag}");
        }
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
