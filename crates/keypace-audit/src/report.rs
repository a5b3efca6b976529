//! What an audit found: findings with rule, severity, confidence and place, and their sums.
//! Plain data. Must not decide what is a finding, and must not know how a report is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::facts::{FunctionId, Span};

/// How much a finding hurts once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Hurts at size.
    Medium,
    /// Holds every other client up, or grows with the keyspace.
    High,
}

/// How sure it is that this is Redis, and what the rule says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A guess, or a wrapper's caller.
    Low,
    /// A telling name, and not resolved.
    Medium,
    /// The receiver is known to be a client, or the call can be nothing else.
    High,
}

/// A level that is neither `low`, `medium` nor `high`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no level {0:?}: low, medium and high are known")]
pub struct UnknownLevel(pub String);

/// What a rule says of a place in a file. The run adds path, line and fingerprint to make it a [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The rule's id: `keys-command`.
    pub rule: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The bytes of the method's or command's name in the file: the finding's line and column.
    pub at: Span,
    /// The bytes of the whole call in the file. Their text, blanks evened out, goes into the fingerprint.
    pub call: Span,
    /// The function around it in the file, whose name goes into the fingerprint.
    pub function: Option<FunctionId>,
    /// One sentence without a full stop, in lower case: what happens here.
    pub message: String,
    /// What to write instead, in one sentence.
    pub fix: &'static str,
}

/// One place that asks Redis for too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much it hurts.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Relative to the PATH given, with `/`.
    pub file: String,
    /// The line of the call's method or command name, counted from 1.
    pub line: usize,
    /// The column of that name in characters, counted from 1.
    pub column: usize,
    /// Survives edits elsewhere in the file.
    pub fingerprint: String,
    /// What happens there.
    pub message: String,
    /// What to write instead.
    pub fix: &'static str,
    /// Which of the PATHs given it is under, counted from 0.
    #[serde(skip)]
    pub root: usize,
    /// The folder of the repository that the file is in, as seen from here; the PATH given where it is in none.
    #[serde(skip)]
    pub repository: String,
    /// The line, for people.
    #[serde(skip)]
    pub excerpt: Excerpt,
}

/// A part of a line that a terminal can show: without tabs and control characters, and cut where it is long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The text.
    pub text: String,
    /// Where the name begins in it, in characters from 0.
    pub from: usize,
    /// How many characters the name has.
    pub width: usize,
}

/// What an audit found, and how much it read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Files that were read, whether or not they concern Redis.
    pub files: u64,
    /// Lines in them.
    pub lines: u64,
    /// In the order of root, file, line, column and rule.
    pub findings: Vec<Finding>,
    /// Findings that an inline comment allows.
    pub allowed: u64,
    /// Findings that the baseline knows.
    pub known: u64,
    /// Files that could not be read, with the reason. At most `limits::MAX_TROUBLES` are kept.
    pub troubles: Vec<String>,
    /// How many files could not be read.
    pub unread: u64,
}

impl Report {
    /// Findings by repository, in the order of their names.
    #[must_use]
    pub fn by_repository(&self) -> Vec<(&str, u64)> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for finding in &self.findings {
            *sums.entry(&finding.repository).or_default() += 1;
        }
        sums.into_iter().collect()
    }

    /// Findings by rule and severity, worst first.
    #[must_use]
    pub fn by_rule(&self) -> Vec<(&'static str, Severity, u64)> {
        let mut sums: BTreeMap<(std::cmp::Reverse<Severity>, &'static str), u64> = BTreeMap::new();
        for finding in &self.findings {
            let key = (std::cmp::Reverse(finding.severity), finding.rule);
            *sums.entry(key).or_default() += 1;
        }
        let rows = sums.into_iter();
        rows.map(|((severity, rule), count)| (rule, severity.0, count))
            .collect()
    }

    /// How many findings there are at or above a severity.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> u64 {
        let worse = self.findings.iter().filter(|own| own.severity >= severity);
        worse.count() as u64
    }
}

impl Severity {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// One step less: what tests, docs and callers of wrappers get.
    #[must_use]
    pub fn lowered(self) -> Self {
        match self {
            Self::Low | Self::Medium => Self::Low,
            Self::High => Self::Medium,
        }
    }
}

impl Confidence {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" => Ok(Self::High),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}

impl FromStr for Confidence {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" => Ok(Self::High),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}
