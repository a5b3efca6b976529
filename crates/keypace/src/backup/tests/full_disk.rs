//! The vault where the disk is slow, full, or says no: fsyncs are shared, failures are final, the queue is bounded.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::super::disk::Disk;
use super::super::writer::Start;
use super::super::{BackupTotals, Entry, Outcome, Value, Vault};
use super::entry;
use crate::error::ErrorKind;
use crate::limits;

/// A disk that counts, and that fails after so many bytes.
struct Counted {
    syncs: Arc<AtomicU32>,
    left: Arc<AtomicU64>,
    /// Taken while a sync may go on.
    gate: Arc<Mutex<()>>,
}

impl Disk for Counted {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        let left = self.left.load(Ordering::SeqCst);
        self.left
            .store(left.saturating_sub(length), Ordering::SeqCst);
        if length > left {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let _open = self.gate.blocking_lock();
        self.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn discard(&self, _path: &Path) -> bool {
        false
    }
}

fn counted(left: u64) -> (Vault, Arc<AtomicU32>, Arc<Mutex<()>>) {
    let disk = Counted {
        syncs: Arc::default(),
        left: Arc::new(AtomicU64::new(left)),
        gate: Arc::default(),
    };
    let (syncs, gate) = (Arc::clone(&disk.syncs), Arc::clone(&disk.gate));
    let start = Start {
        is_new: true,
        seed: 0,
        frame: 2,
        record: 0,
        totals: BackupTotals::default(),
    };
    let vault = Vault::begin(Box::new(disk), Path::new("run.kpb"), start, 0).expect("begun");
    (vault, syncs, gate)
}

#[tokio::test]
async fn those_who_wait_share_an_fsync() {
    let (vault, syncs, gate) = counted(u64::MAX);
    vault.put(0, vec![entry(0, 10)]).await.expect("put");
    let mut waiting = Vec::new();
    {
        // The first is held up, and the others come in meanwhile.
        let _held = gate.lock().await;
        for number in 1..=50 {
            let vault = vault.clone();
            vault.put(number, vec![entry(1, 10)]).await.expect("put");
            waiting.push(tokio::spawn(async move { vault.safe().await }));
        }
        tokio::task::yield_now().await;
    }
    for waiter in waiting {
        waiter.await.expect("no panic").expect("safe");
    }
    let syncs = syncs.load(Ordering::SeqCst);
    assert!((1..=3).contains(&syncs), "{syncs} fsyncs");
}

#[tokio::test]
async fn a_full_disk_is_final_and_says_so() {
    let (vault, syncs, _) = counted(200);
    vault.put(0, vec![entry(0, 10)]).await.expect("put");
    vault.safe().await.expect("it fits");
    let noise: Vec<u8> = (0..5000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let large = Entry {
        value: Value::Text(Bytes::from(noise)),
        ..entry(1, 0)
    };
    vault.put(1, vec![large]).await.expect("it is only queued");
    for attempt in 0..3 {
        let error = vault.safe().await.expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::Io, "{attempt}");
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
    let error = vault.put(2, vec![entry(2, 10)]).await.expect_err("final");
    assert!(error.hint().expect("a hint").contains("make room"));
    vault.outcome(0, Outcome::Removed);
    assert!(vault.close().await.is_err());
    assert_eq!(syncs.load(Ordering::SeqCst), 1);
}

/// The system's own word for a full disk, on a device that is always full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_systems_own_full_disk_is_told_apart() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let full = Box::new(full.expect("every Linux has it"));
    let start = Start {
        is_new: true,
        seed: 0,
        frame: 2,
        record: 0,
        totals: BackupTotals::default(),
    };
    let vault = Vault::begin(full, Path::new("run.kpb"), start, 0).expect("begun");
    vault.put(0, vec![entry(0, 10)]).await.expect("queued");
    let error = vault.safe().await.expect_err("no room");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(vault.put(1, Vec::new()).await.is_err() && vault.close().await.is_err());
}

#[tokio::test]
async fn the_queue_is_bounded_and_lets_one_large_value_pass() {
    let (vault, _, gate) = counted(u64::MAX);
    let large = Value::Text(vec![0; 2 * limits::VAULT_QUEUE_BYTES].into());
    let entry = Entry {
        value: large,
        ..entry(0, 0)
    };
    {
        let _held = gate.lock().await;
        vault.put(0, vec![entry.clone()]).await.expect("alone");
        let first = tokio::spawn({
            let vault = vault.clone();
            async move { vault.safe().await }
        });
        tokio::task::yield_now().await;
        drop(first);
    }
    vault
        .put(1, vec![entry])
        .await
        .expect("when the first is written");
    assert_eq!(vault.close().await.expect("closed").records, 2);
}
