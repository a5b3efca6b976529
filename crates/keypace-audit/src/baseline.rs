//! A baseline: findings that are known already, so that only new ones count. It is a report in JSON.
//! Must not compare anything but fingerprints.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde::Deserialize;

use crate::error::AuditError;
use crate::limits;

/// Fingerprints of what is known.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    known: HashSet<String>,
}

/// What of a report is read back. The rest is for people who look into the file.
#[derive(Deserialize)]
struct Kept {
    findings: Vec<KeptFinding>,
}

#[derive(Deserialize)]
struct KeptFinding {
    fingerprint: String,
}

impl Baseline {
    /// Reads a baseline; `None` where there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, AuditError> {
        let failed = |why: String| AuditError::Baseline {
            path: path.to_owned(),
            why,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let mut text = String::new();
        file.take(limits::MAX_BASELINE_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| failed(error.to_string()))?;
        let kept: Kept = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let fingerprints = kept.findings.into_iter().map(|own| own.fingerprint);
        Ok(Some(Self {
            known: fingerprints.collect(),
        }))
    }

    /// Whether a finding is known.
    pub(crate) fn knows(&self, fingerprint: &str) -> bool {
        self.known.contains(fingerprint)
    }
}
