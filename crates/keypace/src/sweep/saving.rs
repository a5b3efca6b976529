//! The backup of a delete: made before the first key goes, or taken up where an earlier run left it. Writes no key.

use std::time::{SystemTime, UNIX_EPOCH};

use super::checkpoint::Checkpoint;
use super::options::SweepOptions;
use super::work::Kind;
use crate::backup::{BackupHead, RunToken, Vault};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Pattern;
use crate::port::ServerInfo;

/// Where the keys of a delete are saved, and the run it is of; nothing for other work.
///
/// # Errors
/// `Guard` for a file that is there and not of this run, `Checkpoint` where the run that is resumed had another idea
/// of saving, and `Io`.
pub(super) fn open(
    kind: &Kind,
    options: &SweepOptions,
    server: &ServerInfo,
    resume: Option<&Checkpoint>,
) -> Result<Option<(Vault, RunToken)>> {
    if !kind.removes() {
        return Ok(None);
    }
    let saved = resume.map(Checkpoint::backup).transpose()?;
    match (&options.backup, saved) {
        (None, None | Some(None)) => Ok(None),
        (Some(target), Some(Some(run))) => {
            let path = &target.path;
            // A file that nothing was put into went when its run ended.
            let had_none = !path.exists() && resume.is_some_and(|saved| saved.deleted() == 0);
            let vault = if had_none {
                Vault::create(path, &head(options, server, run))?
            } else {
                Vault::resume(path, run)?
            };
            Ok(Some((vault, run)))
        }
        (Some(target), None) => {
            let run = RunToken::random();
            let head = head(options, server, run);
            Ok(Some((Vault::create(&target.path, &head)?, run)))
        }
        (Some(_), Some(None)) => Err(other("none was saved by the run that is resumed")),
        (None, Some(Some(_))) => Err(other("the run that is resumed saved its keys")),
    }
}

fn head(options: &SweepOptions, server: &ServerInfo, run: RunToken) -> BackupHead {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let patterns = options.scan.patterns.iter().map(Pattern::as_bytes);
    BackupHead {
        server: server.address.clone(),
        database: server.database,
        run_id: server.run_id.clone(),
        product: server.product.clone(),
        version: server.version.clone(),
        patterns: patterns.map(<[u8]>::to_vec).collect(),
        created_unix_ms: now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        run,
    }
}

fn other(context: &str) -> Error {
    Error::new(
        ErrorKind::Checkpoint,
        Retry::Never,
        "resume with a backup",
        context,
    )
    .with_hint("resume with the command line that wrote the checkpoint, its --backup and no other")
}
