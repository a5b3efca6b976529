//! The one way to stderr: lines go above a live bar, never through it. A stderr that is gone is no failure.
//! Holds no text of its own.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;
use tracing_subscriber::fmt::MakeWriter;

/// A handle on stderr; clones share the bar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stderr {
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Stderr {
    /// Writes a line, or several.
    pub(crate) fn line(&self, text: &str) {
        self.around_bar(|| {
            // Nobody is left to tell when stderr is gone; the exit code still speaks.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        });
    }

    /// Writes sentences. On a terminal that is too narrow for them they break between words.
    pub(crate) fn prose(&self, text: &str) {
        match console::Term::stderr().size_checked() {
            Some((_, columns)) => self.line(&super::wrap::fold(text, usize::from(columns))),
            None => self.line(text),
        }
    }

    /// Writes without ending the line: a prompt.
    pub(crate) fn prompt(&self, text: &str) {
        self.around_bar(|| {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
        });
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal() -> bool {
        std::io::stderr().is_terminal()
    }

    /// Columns of the terminal, or of a page where there is none.
    pub(crate) fn columns() -> usize {
        console::Term::stderr()
            .size_checked()
            .map_or(super::wrap::PAGE_COLUMNS, |(_, columns)| {
                usize::from(columns)
            })
    }

    /// Rows of the terminal, or none where there is none.
    pub(super) fn rows() -> usize {
        console::Term::stderr()
            .size_checked()
            .map_or(0, |(rows, _)| usize::from(rows))
    }

    /// From now on lines go above this bar.
    pub(super) fn attach(&self, bar: ProgressBar) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    /// Leaves the bar as it is drawn, if there is one: what follows is written below it.
    pub(crate) fn leave_bar(&self) {
        if let Some(bar) = self.detach() {
            bar.abandon();
        }
    }

    /// Takes the bar away, if there is one: its line is free again.
    pub(super) fn clear_bar(&self) {
        if let Some(bar) = self.detach() {
            bar.finish_and_clear();
        }
    }

    fn detach(&self) -> Option<ProgressBar> {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.take()
    }

    fn around_bar(&self, write: impl FnOnce()) {
        let bar = self
            .bar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// One log event on its way: the subscriber hands it over in one piece.
pub(crate) struct LogLine(Stderr);

impl Write for LogLine {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        self.0
            .line(String::from_utf8_lossy(event).trim_end_matches('\n'));
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = LogLine;

    fn make_writer(&'a self) -> Self::Writer {
        LogLine(self.clone())
    }
}
