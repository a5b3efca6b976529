//! Progress as JSON lines on stderr, in the shape that dashboards read. Adds nothing to what the library says.

use std::time::{Duration, Instant};

use keypace::Progress;

use super::{Renderer, Stderr};

/// A dashboard draws no faster.
const EVERY: Duration = Duration::from_millis(500);

/// JSON lines: one at once, then at a steady rhythm, one at the end.
pub(super) struct JsonLines {
    stderr: Stderr,
    last: Option<Instant>,
}

impl JsonLines {
    /// Lines on stderr.
    pub(super) fn new(stderr: Stderr) -> Self {
        Self { stderr, last: None }
    }

    fn write(&self, progress: &Progress) {
        if let Ok(line) = serde_json::to_string(progress) {
            self.stderr.line(&line);
        }
    }
}

impl Renderer for JsonLines {
    fn show(&mut self, progress: &Progress) {
        if self.last.is_none_or(|last| last.elapsed() >= EVERY) {
            self.last = Some(Instant::now());
            self.write(progress);
        }
    }

    fn end(&mut self, progress: &Progress) {
        self.write(progress);
    }
}
