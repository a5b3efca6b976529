//! Which backups are kept, and for how long: what a job's end and the config say, never what could still be undone within that.
//! Files whose jobs are not kept any more go too. Reads no server, and opens no backup.
//!
//! Each process looks after the files of its own folder. A backup whose job the store doesn't know is no reason to remove it at
//! once: a store that was lost, or is another one by a mistake, must not cost the backups, which `keypace restore` reads without
//! it. It has the same time as the others, from when it was written last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::figures;
use super::files::JobFile;
use super::shop::Shop;
use crate::jobs::id::JobId;
use crate::limits;
use crate::sql::StoreError;

/// Looks at the beginning and every hour, until the runner closes.
pub(super) async fn run(shop: Arc<Shop>) {
    loop {
        tokio::select! {
            () = shop.closed() => return,
            () = tidy(&shop) => {}
        }
        tokio::select! {
            () = shop.closed() => return,
            () = sleep(limits::BACKUP_LOOK) => {}
        }
    }
}

/// Removes what has had its time. A store that does not answer leaves all as it is.
pub(super) async fn tidy(shop: &Shop) {
    let done = async {
        backups(shop).await?;
        checkpoints(shop).await
    };
    if let Err(error) = done.await {
        tracing::warn!(?error, "old backups can't be looked after at the moment");
    }
}

/// What is known of a job that has a backup here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    id: JobId,
    bytes: u64,
    standing: Standing,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may go on: its backup belongs to it.
    Open,
    /// It has ended then.
    Ended(DateTime<Utc>),
    /// The store does not know it; its files were written then.
    Unknown(DateTime<Utc>),
}

impl Standing {
    /// Since when the backup waits for somebody to want it.
    fn since(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Open => None,
            Self::Ended(at) | Self::Unknown(at) => Some(at),
        }
    }
}

async fn backups(shop: &Shop) -> Result<(), StoreError> {
    let files = shop.files.clone();
    let found = tokio::task::spawn_blocking(move || files.backups());
    let found = found.await.map_err(StoreError::internal)?;
    let now = shop.store.now().await?;
    let mut kept = Vec::new();
    for (id, (bytes, written)) in by_job(found) {
        let standing = match shop.store.get(&id).await? {
            None => Standing::Unknown(written),
            Some(job) if !job.state.is_ended() => Standing::Open,
            Some(job) => Standing::Ended(job.ended_at.unwrap_or(job.updated_at)),
        };
        kept.push(Kept {
            id,
            bytes,
            standing,
        });
    }
    let mut bytes: u64 = kept.iter().map(|kept| kept.bytes).sum();
    for gone in due(
        &kept,
        now,
        shop.limits.backup_keep,
        shop.limits.backup_bytes,
    ) {
        let is_known = !matches!(gone.standing, Standing::Unknown(_));
        if is_known && !shop.store.drop_backup(&gone.id).await? {
            continue;
        }
        tracing::info!(job = %gone.id, bytes = gone.bytes, "a backup has had its time, and is removed");
        let (files, id) = (shop.files.clone(), gone.id.clone());
        let removing = tokio::task::spawn_blocking(move || files.forget_backups(&id));
        removing.await.map_err(StoreError::internal)?;
        bytes = bytes.saturating_sub(gone.bytes);
    }
    figures::backups(bytes);
    Ok(())
}

/// What there is of each job: its bytes, and when they were written last.
fn by_job(files: Vec<JobFile>) -> BTreeMap<JobId, (u64, DateTime<Utc>)> {
    let mut jobs = BTreeMap::new();
    for file in files {
        let written = DateTime::<Utc>::from(file.written);
        let own = jobs.entry(file.id).or_insert((0, written));
        *own = (own.0 + file.bytes, own.1.max(written));
    }
    jobs
}

/// Which of these, oldest first, have had their time: what is older than `keep`, and then the oldest while there are more than
/// `most` bytes. The newest of those that the
/// store knows stays whatever its size, as whoever has just made it may want it back.
fn due(kept: &[Kept], now: DateTime<Utc>, keep: Duration, most: u64) -> Vec<&Kept> {
    let is_old = |kept: &&Kept| {
        let age = kept.standing.since().map(|since| (now - since).to_std());
        age.is_some_and(|age| age.is_ok_and(|age| age > keep))
    };
    let (mut due, rest): (Vec<&Kept>, Vec<&Kept>) = kept.iter().partition(is_old);
    let mut bytes: u64 = rest.iter().map(|kept| kept.bytes).sum();
    let mut waiting: Vec<(DateTime<Utc>, &Kept)> = (rest.iter())
        .filter_map(|kept| Some((kept.standing.since()?, *kept)))
        .collect();
    waiting.sort_by_key(|(since, _)| *since);
    let is_known = |(_, kept): &(DateTime<Utc>, &Kept)| matches!(kept.standing, Standing::Ended(_));
    if let Some(newest) = waiting.iter().rposition(is_known) {
        waiting.remove(newest);
    }
    for (_, oldest) in waiting {
        if bytes <= most {
            break;
        }
        bytes -= oldest.bytes;
        due.push(oldest);
    }
    due
}

/// A checkpoint is of no use without its job.
async fn checkpoints(shop: &Shop) -> Result<(), StoreError> {
    let files = shop.files.clone();
    let found = tokio::task::spawn_blocking(move || files.checkpoints());
    for file in found.await.map_err(StoreError::internal)? {
        if shop.store.get(&file.id).await?.is_none() {
            let files = shop.files.clone();
            let removing = tokio::task::spawn_blocking(move || files.forget_checkpoints(&file.id));
            removing.await.map_err(StoreError::internal)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::{Kept, Standing, due};
    use crate::jobs::id::JobId;

    const KEEP: Duration = Duration::from_secs(100);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn kept(number: u64, bytes: u64, standing: Standing) -> Kept {
        Kept {
            id: JobId::of(number, 0),
            bytes,
            standing,
        }
    }

    fn ago(seconds: i64) -> DateTime<Utc> {
        now() - TimeDelta::seconds(seconds)
    }

    fn gone(kept: &[Kept], most: u64) -> Vec<JobId> {
        let due = due(kept, now(), KEEP, most);
        due.into_iter().map(|kept| kept.id.clone()).collect()
    }

    #[test]
    fn what_is_older_goes_and_what_may_go_on_stays() {
        let all = [
            kept(1, 10, Standing::Open),
            kept(2, 10, Standing::Ended(ago(101))),
            kept(3, 10, Standing::Unknown(ago(101))),
            kept(4, 10, Standing::Ended(ago(100))),
            kept(5, 10, Standing::Unknown(ago(1))),
            // A clock that went back is no reason.
            kept(6, 10, Standing::Ended(ago(-5))),
        ];
        assert_eq!(gone(&all, 1_000), [JobId::of(2, 0), JobId::of(3, 0)]);
    }

    #[test]
    fn the_oldest_make_room_but_for_the_newest_and_what_may_go_on() {
        let all = [
            kept(1, 50, Standing::Open),
            kept(2, 10, Standing::Ended(ago(20))),
            kept(3, 10, Standing::Ended(ago(30))),
            kept(4, 10, Standing::Unknown(ago(10))),
            kept(5, 70, Standing::Ended(ago(5))),
            kept(6, 1, Standing::Unknown(ago(1))),
        ];
        let ids = |numbers: &[u64]| -> Vec<JobId> {
            numbers.iter().map(|number| JobId::of(*number, 0)).collect()
        };
        assert_eq!(gone(&all, 151), ids(&[]));
        assert_eq!(gone(&all, 150), ids(&[3]));
        assert_eq!(gone(&all, 131), ids(&[3, 2]));
        assert_eq!(gone(&all, 0), ids(&[3, 2, 4, 6]));
    }
}
