//! What a restore would do, for a person to look at, and whether somebody has to agree to it. Sends nothing but the
//! question who owns a cluster's slots.

use super::options::{Existing, RestoreConsent, RestoreOptions};
use crate::backup::{BackupIndex, BackupTotals};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Keyspace, ServerInfo};

/// What a restore would do.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    server: ServerInfo,
    totals: BackupTotals,
    existing: Existing,
    differences: Vec<String>,
}

impl RestorePlan {
    /// Compares the file with the server. Cancel-safe.
    ///
    /// # Errors
    /// What finding a cluster's nodes gives.
    pub async fn new(
        keyspace: &Keyspace,
        index: &BackupIndex,
        options: &RestoreOptions,
    ) -> Result<Self> {
        let (head, server) = (index.head(), keyspace.server());
        let mut differences = Vec::new();
        if !is_from(keyspace, &head.server, &head.run_id).await? {
            differences.push(format!(
                "the backup is of {}, and this is {}",
                head.server, server.address
            ));
        }
        if head.database != server.database {
            differences.push(format!(
                "the backup is of database {}, and this is database {}",
                head.database, server.database
            ));
        }
        Ok(Self {
            server: server.clone(),
            totals: index.totals(),
            existing: options.existing,
            differences,
        })
    }

    /// Where the keys would go.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// What the file holds, whatever the patterns choose.
    #[must_use]
    pub fn totals(&self) -> BackupTotals {
        self.totals
    }

    /// In what the server is another than the one that the file is from, as sentences; empty where it is the same.
    #[must_use]
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// Whether keys that are there would be overwritten.
    #[must_use]
    pub fn overwrites(&self) -> bool {
        self.existing == Existing::Replace
    }

    /// Whether it takes [`RestoreConsent::Confirmed`].
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        self.overwrites() || !self.differences.is_empty()
    }

    pub(super) fn check(&self, consent: RestoreConsent) -> Result<()> {
        if consent == RestoreConsent::Confirmed || !self.needs_consent() {
            return Ok(());
        }
        let why = if self.overwrites() {
            "keys that are there would be overwritten"
        } else {
            self.differences.first().map_or("", String::as_str)
        };
        Err(
            Error::new(ErrorKind::Guard, Retry::Never, "restore keys", why)
                .on_node(&self.server.address)
                .with_hint("if that is meant, confirm it with --yes"),
        )
    }
}

/// The same address, or the same process; a cluster by any of its nodes.
async fn is_from(keyspace: &Keyspace, address: &str, run_id: &str) -> Result<bool> {
    let server = keyspace.server();
    if server.address == address || !run_id.is_empty() && server.run_id == run_id {
        return Ok(true);
    }
    if !keyspace.is_cluster() {
        return Ok(false);
    }
    // Whoever was asked first at the delete may be a replica by now.
    keyspace.layout().await?;
    Ok(keyspace.places().iter().any(|place| place == address))
}
