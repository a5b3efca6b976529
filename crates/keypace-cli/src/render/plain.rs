//! A line on stderr every few seconds, for logs and for terminals that show keys. Keeps a rhythm; composes
//! nothing: `line` does.

use std::time::{Duration, Instant};

use keypace::Progress;

use super::line::{Reading, Standing, Watched};
use super::{Renderer, Stderr};

/// Often enough for somebody who waits, seldom enough for a log.
const EVERY: Duration = Duration::from_secs(5);
/// Where a person asked for lines, the first comes soon.
const STEADY_FIRST_AFTER: Duration = Duration::from_secs(1);
/// Nobody asks what a run does that ends within this.
const PATIENT_FIRST_AFTER: Duration = Duration::from_secs(5);

/// When lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Asked for: soon, then regularly, and one at the end.
    Steady,
    /// Not asked for: only while a run lasts.
    Patient,
}

/// Plain lines.
pub(super) struct Plain {
    watched: Watched,
    stderr: Stderr,
    pace: Pace,
    started: Instant,
    next: Duration,
}

impl Plain {
    /// Lines at this pace.
    pub(super) fn new(watched: Watched, stderr: Stderr, pace: Pace) -> Self {
        Self {
            watched,
            stderr,
            pace,
            started: Instant::now(),
            next: match pace {
                Pace::Steady => STEADY_FIRST_AFTER,
                Pace::Patient => PATIENT_FIRST_AFTER,
            },
        }
    }

    fn is_due(&mut self, elapsed: Duration) -> bool {
        let due = elapsed >= self.next;
        while self.next <= elapsed {
            self.next += EVERY;
        }
        due
    }

    fn write(&self, progress: &Progress) {
        self.stderr
            .line(&Standing::of(progress, self.watched).plain());
    }
}

impl Renderer for Plain {
    fn show(&mut self, progress: &Progress) {
        if self.is_due(self.started.elapsed()) {
            self.write(progress);
        }
    }

    fn end(&mut self, progress: &Progress) {
        match self.pace {
            Pace::Steady => self.write(progress),
            Pace::Patient => {}
        }
    }

    fn reading(&mut self, reading: &Reading<'_>) {
        if self.is_due(self.started.elapsed()) {
            self.stderr.line(&reading.plain());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Plain};
    use crate::render::{Stderr, Watched};
    use std::time::Duration;

    #[test]
    fn a_patient_run_is_silent_at_first_and_then_regular() {
        let mut plain = Plain::new(Watched::Matches, Stderr::default(), Pace::Patient);
        let lines: Vec<u64> = (0..20_000)
            .step_by(100)
            .filter(|ms| plain.is_due(Duration::from_millis(*ms)))
            .collect();
        assert_eq!(lines, [5_000, 10_000, 15_000]);
    }

    #[test]
    fn lines_that_were_missed_are_not_made_up_for() {
        let mut plain = Plain::new(Watched::Matches, Stderr::default(), Pace::Steady);
        assert!(plain.is_due(Duration::from_secs(60)));
        assert!(!plain.is_due(Duration::from_secs(60)));
    }
}
