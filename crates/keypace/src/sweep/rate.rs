//! The caller's own ceiling in keys a second. Pure arithmetic: elapsed time comes in, a pause goes out.

use std::time::Duration;

/// When the next key is due once `keys` more have gone. What a stall or a desert left unused is kept for one burst
/// only: the ceiling holds for each second, not for the mean of the run.
pub(super) fn next_due(due: Duration, now: Duration, keys: u64, keys_per_s: u64) -> Duration {
    let burst =
        Duration::from_secs(1) / u32::try_from(crate::limits::RATE_BURSTS_PER_S).unwrap_or(1);
    let cost = Duration::from_secs_f64(keys as f64 / keys_per_s.max(1) as f64);
    due.max(now.saturating_sub(burst)) + cost
}

#[cfg(test)]
mod tests {
    use super::next_due;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_for_what_is_ahead_of_the_rate() {
        let due = next_due(Duration::ZERO, Duration::ZERO, 150, 100);
        assert_eq!(due, SECOND * 3 / 2);
        assert_eq!(next_due(due, SECOND, 50, 100), SECOND * 2);
    }

    #[test]
    fn what_a_stall_left_unused_is_kept_for_one_burst_only() {
        let after_a_stall = next_due(SECOND, SECOND * 14, 1000, 1000);
        assert_eq!(after_a_stall, SECOND * 15 - SECOND / 10);
    }
}
