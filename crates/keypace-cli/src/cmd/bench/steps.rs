//! How far a bench has come, on stderr: a line a measurement. Measures nothing.

use crate::args::{BenchJob, ProgressChoice};
use crate::render::Stderr;
use crate::render::bench::Way;
use crate::render::figures::grouped;

/// Says what is measured next.
pub(super) struct Steps {
    stderr: Stderr,
    choice: ProgressChoice,
    step: u64,
    steps: u64,
}

impl Steps {
    /// For so many measurements.
    pub(super) fn new(stderr: &Stderr, choice: ProgressChoice, steps: u64) -> Self {
        Self {
            stderr: stderr.clone(),
            choice,
            step: 0,
            steps,
        }
    }

    /// What is done between measurements.
    pub(super) fn say(&self, text: &str) {
        match self.choice {
            ProgressChoice::Auto | ProgressChoice::Bar | ProgressChoice::Plain => {
                self.stderr.line(text);
            }
            ProgressChoice::Json | ProgressChoice::None => {}
        }
    }

    /// The next measurement begins.
    pub(super) fn next(&mut self, job: BenchJob, way: Way, keys: u64, round: u32) {
        self.step += 1;
        let what = match job {
            BenchJob::Enumerate => "list",
            BenchJob::Delete => "delete",
            BenchJob::Read => "read",
            BenchJob::Owner => "list one owner's of",
        };
        match self.choice {
            ProgressChoice::None => {}
            ProgressChoice::Json => self.stderr.line(
                &serde_json::json!({
                    "command": "bench", "step": self.step, "steps": self.steps,
                    "job": job, "way": way, "keys": keys, "round": round + 1,
                })
                .to_string(),
            ),
            ProgressChoice::Auto | ProgressChoice::Bar | ProgressChoice::Plain => {
                self.stderr.line(&format!(
                    "{} of {}: {what} {} keys by {}",
                    self.step,
                    self.steps,
                    grouped(keys),
                    way.label()
                ));
            }
        }
    }
}
