//! The caller's own ceiling in keys a second. Pure arithmetic: elapsed time comes in, a pause goes out.

use std::time::Duration;

/// How long to wait so that `keys` in `elapsed` are no more than `keys_per_s`.
pub(super) fn pause(keys: u64, elapsed: Duration, keys_per_s: u64) -> Duration {
    let due = Duration::from_secs_f64(keys as f64 / keys_per_s.max(1) as f64);
    due.saturating_sub(elapsed)
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn waits_for_what_is_ahead_of_the_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(100, second, 100), Duration::ZERO);
        assert_eq!(pause(150, second, 100), second / 2);
        assert_eq!(pause(0, Duration::ZERO, 1), Duration::ZERO);
        assert_eq!(pause(1, second * 5, 1), Duration::ZERO);
    }
}
