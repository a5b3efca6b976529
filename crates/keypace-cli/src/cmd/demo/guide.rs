//! The voice of the tour: prose, commands, results, and what the other client waited; and why a tour ends early. Runs
//! nothing.

use keypace_lab::Waits;

use super::SEEDED_KEYS;
use crate::exit::{Halt, Phase};
use crate::render::Stderr;
use crate::render::figures::{grouped, table, wait};
use crate::render::output::{Closed, Output};
use crate::render::paint::Paint;
use crate::render::wrap::wrap;

/// Why a tour ends early.
pub(super) enum End {
    /// Nobody reads it any more.
    Closed,
    /// It failed, or was interrupted.
    Halted(Halt),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Halt> for End {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl From<keypace::Error> for End {
    fn from(error: keypace::Error) -> Self {
        Self::Halted(Halt::library(&error, Phase::Walking))
    }
}

/// The voice of the tour: prose, commands, results, and what the other client waited.
pub(super) struct Guide<'a> {
    output: &'a Output,
    /// Colours of results.
    pub(super) paint: Paint,
    columns: usize,
    under_keys: Option<Waits>,
    longest_us: u64,
}

impl<'a> Guide<'a> {
    /// A voice on stdout.
    pub(super) fn new(output: &'a Output) -> Self {
        Self {
            output,
            paint: Paint::stdout(),
            columns: Stderr::columns(),
            under_keys: None,
            longest_us: 0,
        }
    }

    /// Text is out before a bar is drawn below it.
    async fn say(&self, text: String) -> Result<(), End> {
        self.output.send(text.into_bytes()).await?;
        Ok(self.output.settle().await?)
    }

    /// A paragraph.
    pub(super) async fn prose(&self, words: &str) -> Result<(), End> {
        self.say(format!("{}\n", wrap(words, self.columns, "")))
            .await
    }

    /// A heading, and what one would type.
    pub(super) async fn step(&self, title: &str, command: &str) -> Result<(), End> {
        let title = wrap(title, self.columns, "");
        let command = format!("  $ keypace {command}");
        self.say(format!("\n{}\n{command}\n", self.paint.strong(&title)))
            .await
    }

    /// What a command wrote; only what is too long for the terminal is broken.
    pub(super) async fn result(&self, result: &str) -> Result<(), End> {
        let mut shown = String::new();
        for line in result.lines() {
            if console::measure_text_width(line) + 2 > self.columns {
                shown.push_str(&wrap(line, self.columns, "  "));
            } else {
                shown.push_str("  ");
                shown.push_str(line);
            }
            shown.push('\n');
        }
        self.say(shown).await
    }

    /// The step that all others are compared with.
    pub(super) async fn baseline(&mut self, waits: Waits) -> Result<(), End> {
        self.under_keys = Some(waits);
        self.waits(None).await
    }

    /// The other client's waits in this step, next to those under KEYS.
    pub(super) async fn waits(&mut self, step: Option<Waits>) -> Result<(), End> {
        let row = |name: &str, waits: &Waits| {
            vec![
                name.to_owned(),
                wait(waits.p50_us),
                wait(waits.p99_us),
                wait(waits.max_us),
            ]
        };
        let mut rows = vec![
            ["  the other client waited", "p50", "p99", "max"]
                .map(str::to_owned)
                .to_vec(),
        ];
        if let Some(waits) = &step {
            self.longest_us = self.longest_us.max(waits.max_us);
            rows.push(row("    meanwhile", waits));
        }
        if let Some(waits) = &self.under_keys {
            rows.push(row("    under KEYS", waits));
        }
        self.say(table(&rows)).await
    }

    /// What it comes to.
    pub(super) async fn close(&self) -> Result<(), End> {
        let keys = self.under_keys.map_or(0, |waits| waits.max_us);
        let ours = self.longest_us;
        let times = keys.checked_div(ours).unwrap_or(0);
        let compared = if times >= 2 {
            format!(
                "KEYS made another client wait {times} times as long ({} against {} at most).",
                wait(keys),
                wait(ours)
            )
        } else {
            format!(
                "This time KEYS made another client wait {} and keypace {} at most: the machine was busy with other \
                 work, or {} keys are few for it. The wait under KEYS grows with the keyspace; a page of SCAN does not.",
                wait(keys),
                wait(ours),
                grouped(SEEDED_KEYS)
            )
        };
        self.say("\n".to_owned()).await?;
        self.prose(&format!(
            "{compared} Everything here was the work of one command, and the private server is gone now. On your own: \
             keypace --url redis://HOST count --by-prefix 1 '*'"
        ))
        .await
    }
}
