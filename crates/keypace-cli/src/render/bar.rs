//! A live bar on a terminal's last lines. Draws; composes nothing: `line` does.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keypace::Progress;

use super::line::{Reading, Standing, Watched};
use super::{Renderer, Stderr};

/// How often the terminal is redrawn at most.
const DRAWS_PER_SECOND: u8 = 10;
/// A run that is over before this needs no bar: it would only flicker.
const FIRST_AFTER: Duration = Duration::from_millis(100);

/// The bar.
pub(super) struct Bar {
    watched: Watched,
    stderr: Stderr,
    started: std::time::Instant,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar that appears once the run has lasted a moment.
    pub(super) fn new(watched: Watched, stderr: Stderr) -> Self {
        Self {
            watched,
            stderr,
            started: std::time::Instant::now(),
            bar: None,
        }
    }

    /// Shows the bar once it is time for one.
    fn appear(&mut self) -> Option<&ProgressBar> {
        if self.bar.is_none() && self.started.elapsed() >= FIRST_AFTER {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let bar = ProgressBar::with_draw_target(None, target);
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            self.stderr.attach(bar.clone());
            self.bar = Some(bar);
        }
        self.bar.as_ref()
    }

    fn text(&self, progress: &Progress) -> String {
        Standing::of(progress, self.watched).bar(columns(), Stderr::rows())
    }
}

/// The last column stays empty: some terminals wrap there.
fn columns() -> usize {
    Stderr::columns().saturating_sub(1)
}

impl Renderer for Bar {
    fn show(&mut self, progress: &Progress) {
        let text = self.text(progress);
        if let Some(bar) = self.appear() {
            bar.set_message(text);
            bar.tick();
        }
    }

    fn end(&mut self, progress: &Progress) {
        if let Some(bar) = self.bar.take() {
            // What was reached stays to be read.
            bar.set_message(self.text(progress));
            self.stderr.leave_bar();
        }
    }

    fn reading(&mut self, reading: &Reading<'_>) {
        let text = reading.bar(columns());
        if let Some(bar) = self.appear() {
            bar.set_message(text);
            bar.tick();
        }
    }

    fn end_reading(&mut self) {
        if self.bar.take().is_some() {
            self.stderr.clear_bar();
        }
    }
}
