//! How a run looks: progress behind one trait, keys, tables, texts for people. Decides nothing about the run,
//! asks no server, and knows no command.

mod bar;
pub(crate) mod bench;
mod fields;
pub(crate) mod figures;
pub(crate) mod index;
pub(crate) mod inspect;
mod jsonl;
pub(crate) mod keys;
mod line;
mod nodes;
pub(crate) mod output;
pub(crate) mod paint;
mod plain;
pub(crate) mod plan;
pub(crate) mod records;
pub(crate) mod rekey;
pub(crate) mod restore;
pub(crate) mod slots;
pub(crate) mod stats;
mod stderr;
pub(crate) mod text;
pub(crate) mod wrap;

use std::time::Duration;

use keypace::Progress;

pub(crate) use self::line::{Reading, Watched};
pub(crate) use self::stderr::Stderr;

/// How often a renderer is shown the state of the run: as fast as an eye follows.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Shows how a run stands, on stderr.
pub(crate) trait Renderer {
    /// Called every [`TICK`]; each renderer keeps its own pace.
    fn show(&mut self, progress: &Progress);

    /// Called once, when the run has ended.
    fn end(&mut self, progress: &Progress);

    /// Called every [`TICK`] while a file is read before the run. Not every renderer has something to say of it.
    fn reading(&mut self, reading: &Reading<'_>) {
        let _ = reading;
    }

    /// Called once, when the file has been read: what was drawn goes.
    fn end_reading(&mut self) {}
}

/// The ways to show a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A live bar.
    Bar,
    /// A line every few seconds.
    Plain,
    /// A line every few seconds, once it is clear that the run takes time.
    Patient,
    /// JSON lines.
    Json,
    /// Nothing.
    None,
}

impl Style {
    /// What `auto` and `bar` come to. A bar needs a terminal, and one that no keys are written to.
    pub(crate) fn automatic(stderr_is_terminal: bool, keys_on_terminal: bool) -> Self {
        if stderr_is_terminal && !keys_on_terminal {
            Self::Bar
        } else {
            Self::Patient
        }
    }

    /// The renderer.
    pub(crate) fn renderer(self, watched: Watched, stderr: &Stderr) -> Box<dyn Renderer> {
        match self {
            Self::Bar => Box::new(bar::Bar::new(watched, stderr.clone())),
            Self::Plain => Box::new(plain::Plain::new(
                watched,
                stderr.clone(),
                plain::Pace::Steady,
            )),
            Self::Patient => Box::new(plain::Plain::new(
                watched,
                stderr.clone(),
                plain::Pace::Patient,
            )),
            Self::Json => Box::new(jsonl::JsonLines::new(stderr.clone())),
            Self::None => Box::new(Silent),
        }
    }
}

/// Shows nothing.
struct Silent;

impl Renderer for Silent {
    fn show(&mut self, _progress: &Progress) {}

    fn end(&mut self, _progress: &Progress) {}
}

#[cfg(test)]
mod tests {
    use super::Style;

    #[test]
    fn a_bar_needs_a_terminal_of_its_own() {
        assert_eq!(Style::automatic(true, false), Style::Bar);
        assert_eq!(Style::automatic(true, true), Style::Patient);
        assert_eq!(Style::automatic(false, false), Style::Patient);
    }
}
