//! How far a file has been read, for who waits on another thread. Reads nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shares are kept as so many parts.
const PARTS: u64 = 1_000_000;

/// How far [`Backup::index`](crate::Backup::index) has come. Clones show the same reading.
#[derive(Debug, Clone, Default)]
pub struct BackupReading(Arc<State>);

#[derive(Debug, Default)]
struct State {
    parts: AtomicU64,
    is_again: AtomicBool,
}

impl BackupReading {
    /// Share of the file that was read, 0 to 1. Begins anew where the file is read again.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.0.parts.load(Ordering::Relaxed) as f64 / PARTS as f64
    }

    /// The file is read a second time, as its run was cut off or left keys where they were: which copies count is known
    /// only when all have been seen.
    #[must_use]
    pub fn is_again(&self) -> bool {
        self.0.is_again.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, done: u64, of: u64) {
        let parts = u128::from(done.min(of)) * u128::from(PARTS) / u128::from(of.max(1));
        let parts = u64::try_from(parts).unwrap_or(PARTS);
        self.0.parts.store(parts, Ordering::Relaxed);
    }

    pub(super) fn begin_again(&self) {
        self.0.parts.store(0, Ordering::Relaxed);
        self.0.is_again.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::BackupReading;

    #[test]
    fn shares_are_between_0_and_1() {
        let reading = BackupReading::default();
        let watched = reading.clone();
        for (done, of, share) in [
            (0, 0, 0.0),
            (1, 4, 0.25),
            (u64::MAX, u64::MAX, 1.0),
            (9, 3, 1.0),
        ] {
            reading.set(done, of);
            assert!((watched.share() - share).abs() < 1e-6, "{done} of {of}");
        }
        assert!(!watched.is_again());
        reading.begin_again();
        assert!(watched.is_again() && watched.share() == 0.0);
    }
}
