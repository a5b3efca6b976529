//! What is typed for `keypace audit`, and its help. Gives nothing a meaning.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{OUTPUT, SELECTING};

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace audit .
  keypace audit --format sarif . > keypace.sarif
  keypace audit --changed-since origin/main --fail-on medium .
  keypace audit --baseline keypace-baseline.json .
  keypace audit --explain keys-command

Reads sources, asks no server and no network. A finding that is meant is allowed by a comment on its
line or above it: keypace:allow RULE reason. The table [audit] of ./keypace.toml may hold wrappers,
exclude, fail_on and min_confidence.

Exit codes: 0 nothing at or above --fail-on, 1 something, or a file could not be read, 2 usage.";

/// `keypace audit`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Audit {
    /// Files and folders; what .gitignore names, vendored and generated files are left out
    #[arg(value_name = "PATH", required_unless_present_any = ["explain", "list_rules"])]
    pub(crate) paths: Vec<PathBuf>,
    /// The form of the report [default: text]
    #[arg(long, value_enum, help_heading = OUTPUT)]
    pub(crate) format: Option<AuditFormat>,
    /// Exit with 1 at findings of this severity or above [default: high]
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = OUTPUT)]
    pub(crate) fail_on: Option<FailOn>,
    /// Leave out what is less sure [default: medium]
    #[arg(long, value_enum, value_name = "CONFIDENCE", help_heading = SELECTING)]
    pub(crate) min_confidence: Option<Level>,
    /// Leave out findings that this report in JSON knows
    ///
    /// Where there is no such file it is written, with everything that was found; this run still counts all of it.
    #[arg(long, value_name = "FILE", help_heading = SELECTING)]
    pub(crate) baseline: Option<PathBuf>,
    /// Only files that differ from this commit, by git
    #[arg(long, value_name = "REF", help_heading = SELECTING)]
    pub(crate) changed_since: Option<String>,
    /// Leave out what matches, as in .gitignore; several times
    #[arg(long, value_name = "GLOB", help_heading = SELECTING)]
    pub(crate) exclude: Vec<String>,
    /// Say what a rule is about and how to mend it
    #[arg(long, value_name = "RULE", conflicts_with = "list_rules")]
    pub(crate) explain: Option<String>,
    /// List the rules
    #[arg(long)]
    pub(crate) list_rules: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// As a compiler prints it.
    Text,
    /// Files, lines and findings.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// From which severity on a run fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// Any.
    Low,
    /// What hurts at size.
    Medium,
    /// What holds others up.
    High,
    /// None.
    Never,
}

/// How sure a finding has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Guesses too.
    Low,
    /// Telling names too.
    Medium,
    /// Known clients only.
    High,
}
