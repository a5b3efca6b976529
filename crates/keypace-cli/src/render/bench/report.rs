//! The findings of a bench as data; what is public here is what `--json` writes. Must not hold a figure that nobody
//! measured: a row that was left out says why and has none.

use keypace_lab::{Timeline, Waits};
use serde::Serialize;

use crate::args::BenchJob;

/// All findings.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Always `bench`.
    pub(crate) command: &'static str,
    /// Whether every way did what it was to do.
    pub(crate) complete: bool,
    /// Who was asked.
    pub(crate) server: Server,
    /// The promise of the adaptive ways, in microseconds.
    pub(crate) budget_us: u64,
    /// How often the other client asked, in microseconds.
    pub(crate) probe_interval_us: u64,
    /// Of how many rounds each row is the median.
    pub(crate) rounds: u32,
    /// What a reader of the figures has to know.
    pub(crate) notes: Vec<String>,
    /// What the other client waited alone.
    pub(crate) idle: Wait,
    /// By size, then by job.
    pub(crate) rows: Vec<Row>,
}

/// Who was asked.
#[derive(Debug, Serialize)]
pub(crate) struct Server {
    /// `Redis` or `Valkey`.
    pub(crate) product: String,
    /// Its version.
    pub(crate) version: String,
    /// Whether it was started for this, and is gone.
    pub(crate) own: bool,
}

/// What the other client waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Wait {
    /// How often, with the waits that a client with a steady rhythm would have had.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50_us: u64,
    /// 99 of 100 were at most this long.
    pub(crate) p99_us: u64,
    /// 999 of 1,000.
    pub(crate) p999_us: u64,
    /// The longest.
    pub(crate) max_us: u64,
}

impl From<Waits> for Wait {
    fn from(waits: Waits) -> Self {
        Self {
            count: waits.count,
            p50_us: waits.p50_us,
            p99_us: waits.p99_us,
            p999_us: waits.p999_us,
            max_us: waits.max_us,
        }
    }
}

/// A way of doing one of the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Way {
    /// One KEYS.
    #[serde(rename = "keys")]
    Keys,
    /// SCAN with COUNT 10, the server's default.
    #[serde(rename = "scan-10")]
    Scan10,
    /// COUNT 100.
    #[serde(rename = "scan-100")]
    Scan100,
    /// COUNT 1,000.
    #[serde(rename = "scan-1000")]
    Scan1000,
    /// COUNT 10,000.
    #[serde(rename = "scan-10000")]
    Scan10000,
    /// keypace with its budget.
    #[serde(rename = "adaptive")]
    Adaptive,
    /// keypace at full speed.
    #[serde(rename = "adaptive-off")]
    AdaptiveOff,
    /// One DEL with every name.
    #[serde(rename = "del-giant")]
    DelGiant,
    /// One UNLINK with every name.
    #[serde(rename = "unlink-giant")]
    UnlinkGiant,
    /// SCAN with COUNT 1,000, and UNLINK of up to 500.
    #[serde(rename = "batches-500")]
    Batches500,
    /// One GET after the other.
    #[serde(rename = "get-each")]
    GetEach,
    /// One MGET with every name.
    #[serde(rename = "mget-all")]
    MgetAll,
    /// MGETs bounded by the bytes of their replies.
    #[serde(rename = "mget-chunks")]
    MgetChunks,
    /// KEYS, and a GET for each session of everybody.
    #[serde(rename = "keys-get")]
    KeysGet,
    /// SCAN with COUNT 1,000, and a GET for each session of everybody.
    #[serde(rename = "scan-get")]
    ScanGet,
    /// SCAN with COUNT 1,000, and an MGET for each page.
    #[serde(rename = "scan-mget")]
    ScanMget,
    /// A set of the owner's ids, and a GET for each.
    #[serde(rename = "smembers-get")]
    SmembersGet,
    /// A page by the owner index.
    #[serde(rename = "index-page")]
    IndexPage,
    /// All of the owner's by the owner index.
    #[serde(rename = "index-list")]
    IndexList,
}

impl Way {
    /// The ways of a job, in the order in which they are shown.
    pub(crate) fn of(job: BenchJob) -> &'static [Self] {
        match job {
            BenchJob::Enumerate => &[
                Self::Keys,
                Self::Scan10,
                Self::Scan100,
                Self::Scan1000,
                Self::Scan10000,
                Self::Adaptive,
                Self::AdaptiveOff,
            ],
            BenchJob::Delete => &[
                Self::DelGiant,
                Self::UnlinkGiant,
                Self::Batches500,
                Self::Adaptive,
                Self::AdaptiveOff,
            ],
            BenchJob::Read => &[Self::GetEach, Self::MgetAll, Self::MgetChunks],
            BenchJob::Owner => &[
                Self::KeysGet,
                Self::ScanGet,
                Self::ScanMget,
                Self::SmembersGet,
                Self::IndexPage,
                Self::IndexList,
            ],
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Keys => "KEYS",
            Self::Scan10 => "SCAN 10",
            Self::Scan100 => "SCAN 100",
            Self::Scan1000 => "SCAN 1000",
            Self::Scan10000 => "SCAN 10000",
            Self::Adaptive => "keypace",
            Self::AdaptiveOff => "keypace, off",
            Self::DelGiant => "one DEL",
            Self::UnlinkGiant => "one UNLINK",
            Self::Batches500 => "UNLINK by 500",
            Self::GetEach => "GET each",
            Self::MgetAll => "one MGET",
            Self::MgetChunks => "MGET by bytes",
            Self::KeysGet => "KEYS, GET",
            Self::ScanGet => "SCAN, GET",
            Self::ScanMget => "SCAN, MGET",
            Self::SmembersGet => "SMEMBERS, GET",
            Self::IndexPage => "index page",
            Self::IndexList => "index, all",
        }
    }
}

/// One way at one size.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The job.
    pub(crate) job: BenchJob,
    /// The way.
    pub(crate) way: Way,
    /// How many keys match; as many others are there. Where one owner's sessions are listed: how many there are of all.
    pub(crate) keys: u64,
    #[serde(flatten)]
    figures: Figures,
    /// Why it was left out, if it was.
    pub(crate) skipped: Option<String>,
    /// What was measured, for the picture and the table.
    #[serde(skip)]
    pub(crate) found: Option<Found>,
}

/// What one way came to.
#[derive(Debug)]
pub(crate) struct Found {
    /// Keys listed or deleted, values read, sessions of the owner.
    pub(crate) found: u64,
    /// How long it took, in microseconds.
    pub(crate) wall_us: u64,
    /// Commands sent.
    pub(crate) commands: u64,
    /// Bytes sent.
    pub(crate) bytes_sent: u64,
    /// Bytes received.
    pub(crate) bytes_received: u64,
    /// What the other client waited meanwhile.
    pub(crate) wait: Wait,
    /// When it waited how long.
    pub(crate) timeline: Timeline,
}

/// The figures as JSON has them: all there, or all null.
#[derive(Debug, Default, Serialize)]
struct Figures {
    found: Option<u64>,
    wall_ms: Option<f64>,
    commands: Option<u64>,
    bytes_sent: Option<u64>,
    bytes_received: Option<u64>,
    wait: Option<Wait>,
}

impl Row {
    /// A way that was measured.
    pub(crate) fn measured(job: BenchJob, way: Way, keys: u64, found: Found) -> Self {
        let figures = Figures {
            found: Some(found.found),
            wall_ms: Some(found.wall_us as f64 / 1000.0),
            commands: Some(found.commands),
            bytes_sent: Some(found.bytes_sent),
            bytes_received: Some(found.bytes_received),
            wait: Some(found.wait),
        };
        Self {
            job,
            way,
            keys,
            figures,
            skipped: None,
            found: Some(found),
        }
    }

    /// A way that was left out.
    pub(crate) fn skipped(job: BenchJob, way: Way, keys: u64, why: String) -> Self {
        Self {
            job,
            way,
            keys,
            figures: Figures::default(),
            skipped: Some(why),
            found: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Row, Wait, Way};
    use crate::args::BenchJob;
    use keypace_lab::Timeline;

    #[test]
    fn rows_have_all_figures_or_none() {
        let found = Found {
            found: 100,
            wall_us: 1_234,
            commands: 1,
            bytes_sent: 30,
            bytes_received: 1_290,
            wait: Wait::default(),
            timeline: Timeline::default(),
        };
        let row = Row::measured(BenchJob::Enumerate, Way::Keys, 100, found);
        let json = serde_json::to_value(row).expect("JSON");
        assert_eq!(json["job"], "enumerate");
        assert_eq!(json["way"], "keys");
        assert_eq!(json["found"], 100);
        assert_eq!(json["wall_ms"], 1.234);
        assert!(json["skipped"].is_null());
        let row = Row::skipped(BenchJob::Delete, Way::DelGiant, 100, "too large".to_owned());
        let json = serde_json::to_value(row).expect("JSON");
        assert_eq!(json["skipped"], "too large");
        for name in [
            "found",
            "wall_ms",
            "commands",
            "bytes_sent",
            "bytes_received",
            "wait",
        ] {
            assert!(json[name].is_null(), "{name} in {json}");
        }
    }
}
