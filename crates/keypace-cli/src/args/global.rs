//! The flags that every command takes, before or after its name, and their help. Gives nothing a meaning.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CONNECTION, OUTPUT, PACE, SELECTING};

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
    /// Take idle time as it is where it may be wrong: after a failover or a restart, or with reads on replicas
    #[arg(long, global = true, help_heading = SELECTING, hide_short_help = true)]
    pub(crate) trust_idle: bool,

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
