//! An index of the config that a job may rebuild. Opens nothing.

use std::path::PathBuf;

use keypace::{Namespace, OldLayout};

/// An index of the config.
#[derive(Debug, Clone)]
pub struct IndexConfig {
    /// The server that its records are on.
    pub server: String,
    /// Of which records.
    pub namespace: Namespace,
    /// The file with its owner keys; made by the first rebuild.
    pub owner_keys: PathBuf,
    /// Where the application's own records lie, where the config says anything of that.
    pub old: Option<OldLayout>,
}
