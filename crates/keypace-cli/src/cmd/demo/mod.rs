//! `keypace demo`: a tour on a private server, with a client beside it that says what it waited. The order of the
//! steps and their words; the server is `stage`'s. Touches no server but its own, and leaves nothing behind.

mod stage;

use std::time::{Duration, Instant};

use keypace::{
    Consent, DeleteOptions, Order, Pattern, ScanOptions, Strategy, Sweep, SweepOptions,
    plan_delete_unseen,
};
use keypace_lab::Waits;

use self::stage::Stage;
use super::Run;
use super::walk::{self, Why};
use crate::args::Global;
use crate::exit::{Exit, Halt, Phase};
use crate::render::figures::{grouped, plural, span, table, wait};
use crate::render::output::{Closed, Output};
use crate::render::paint::Paint;
use crate::render::{Stderr, Watched, text};

/// Enough for KEYS to be felt, few enough to be there within seconds.
const SEEDED_KEYS: u64 = 200_000;
/// The namespace that is swept: nearly half of the keys.
const SWEPT: &str = "session:*";
/// Every key.
const EVERYTHING: &str = "*";
/// Slow enough that the bar can be watched for some two seconds.
const DELETE_KEYS_PER_SECOND: u64 = 40_000;

/// The flags that a tour heeds: it has a server of its own, and settings of its own.
pub(super) fn globals(typed: &Global) -> Global {
    Global {
        progress: typed.progress,
        ..Global::default()
    }
}

/// Runs the tour.
pub(super) async fn run(run: &mut Run) -> Result<Exit, Halt> {
    let output = Output::stdout()?;
    let told = tour(run, &output).await;
    run.stderr.leave_bar();
    let written = output.finish().await;
    match told {
        // A reader that is gone wants no more: the server is stopped, and that is all.
        Err(End::Closed) => written.map(|_| Exit::Done),
        Err(End::Halted(halt)) if halt.exit == Exit::Interrupted => Err(Halt::new(
            Exit::Interrupted,
            "finish the tour: interrupted; the private server is stopped and its folder removed",
        )),
        Err(End::Halted(halt)) => Err(halt),
        Ok(()) => written.map(|_| Exit::Done),
    }
}

/// Why a tour ends early.
enum End {
    Closed,
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

async fn tour(run: &mut Run, output: &Output) -> Result<(), End> {
    let mut guide = Guide {
        output,
        paint: Paint::stdout(),
        columns: Stderr::columns(),
        under_keys: None,
        longest_us: 0,
    };
    guide
        .prose(&format!(
            "A private server is started and filled with {}; it goes when this tour ends.",
            plural(SEEDED_KEYS, "key")
        ))
        .await?;
    let stage = Stage::set(run, SEEDED_KEYS).await?;
    guide
        .prose(&format!(
            "{} {} answers on a socket in a private folder; filling it took {}. Beside each step, another client asks \
             it for one key every millisecond. What that client waits, your application would wait.",
            stage.product(),
            stage.keyspace.server().version,
            span(stage.seeded_in)
        ))
        .await?;
    // A server of one's own needs nothing settled: interrupted, the tour is dropped where it stands.
    let mut interrupt = run.interrupt.clone();
    let toured = interrupt.or(walk_through(run, &mut guide, &stage)).await;
    let struck = stage.strike().await;
    toured??;
    struck?;
    guide.close().await
}

async fn walk_through(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    by_keys(run, guide, stage).await?;
    by_prefix(run, guide, stage).await?;
    scan(run, guide, stage).await?;
    count(run, guide, stage).await?;
    dry_run(run, guide, stage).await?;
    delete(run, guide, stage).await
}

async fn by_keys(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step(
            "The usual way: KEYS, which answers in one piece",
            "--use-keys scan '*'",
        )
        .await?;
    let scan = scan_options(EVERYTHING)?
        .with_strategy(Strategy::Keys)
        .with_order(Order::Sorted);
    stage.probe.reset();
    let mut sweep = Sweep::list(&stage.keyspace, SweepOptions::new(scan)).await?;
    let took = complete(run, &mut sweep, Watched::Matches).await?;
    let waits = stage.probe.reset();
    guide
        .result(&format!(
            "{} in {}",
            plural(sweep.summary().matched, "key"),
            span(took)
        ))
        .await?;
    guide.under_keys = Some(waits);
    guide.waits(None).await
}

async fn by_prefix(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step(
            "What is there: keys by their first segment",
            "count --by-prefix 1 '*'",
        )
        .await?;
    stage.probe.reset();
    let options = options(EVERYTHING)?.with_prefix_depth(1);
    let mut sweep = Sweep::count(&stage.keyspace, options).await?;
    complete(run, &mut sweep, Watched::Matches).await?;
    let waits = stage.probe.reset();
    guide
        .result(text::count(&sweep.summary()).trim_end())
        .await?;
    guide.waits(Some(waits)).await
}

async fn scan(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step(
            "List them: SCAN, page by page",
            "scan 'session:*' > sessions.txt",
        )
        .await?;
    stage.probe.reset();
    let mut sweep = Sweep::list(&stage.keyspace, options(SWEPT)?).await?;
    let took = complete(run, &mut sweep, Watched::Matches).await?;
    let waits = stage.probe.reset();
    guide
        .result(&format!(
            "{} in {}",
            plural(sweep.summary().matched, "key"),
            span(took)
        ))
        .await?;
    guide.waits(Some(waits)).await
}

async fn count(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step(
            "Count several at once",
            "count 'session:*' 'image_*:*' 'user:*'",
        )
        .await?;
    stage.probe.reset();
    let patterns = ["session:*", "image_*:*", "user:*"]
        .into_iter()
        .map(pattern)
        .collect::<Result<Vec<_>, _>>()?;
    let options = SweepOptions::new(ScanOptions::new(patterns)?);
    let mut sweep = Sweep::count(&stage.keyspace, options).await?;
    complete(run, &mut sweep, Watched::Matches).await?;
    let waits = stage.probe.reset();
    guide
        .result(text::count(&sweep.summary()).trim_end())
        .await?;
    guide.waits(Some(waits)).await
}

async fn dry_run(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step("Look before you delete", "delete --dry-run 'session:*'")
        .await?;
    let total = stage.keyspace.dbsize().await?;
    stage.probe.reset();
    let mut sweep =
        Sweep::dry_run(&stage.keyspace, options(SWEPT)?, DeleteOptions::default()).await?;
    complete(run, &mut sweep, Watched::Matches).await?;
    let waits = stage.probe.reset();
    let shown = text::would_delete(&sweep.summary(), sweep.samples(), total, guide.paint);
    guide.result(shown.trim_end()).await?;
    guide.waits(Some(waits)).await
}

async fn delete(run: &mut Run, guide: &mut Guide<'_>, stage: &Stage) -> Result<(), End> {
    guide
        .step(
            "Delete them: UNLINK in batches, held to a rate so that you can watch",
            &format!("--rate {DELETE_KEYS_PER_SECOND} delete 'session:*'"),
        )
        .await?;
    stage.probe.reset();
    let options = options(SWEPT)?.with_rate(DELETE_KEYS_PER_SECOND);
    let confirmed = plan_delete_unseen(&stage.keyspace, &options)
        .await?
        .confirm(Consent::Scoped)?;
    let mut sweep = Sweep::delete(
        &stage.keyspace,
        options,
        DeleteOptions::default(),
        confirmed,
    )
    .await?;
    complete(run, &mut sweep, Watched::Deletions).await?;
    let waits = stage.probe.reset();
    guide
        .result(text::deleted(&sweep.summary(), guide.paint).trim_end())
        .await?;
    guide.waits(Some(waits)).await
}

/// Drives a sweep to its end and says how long that took; anything but a whole walk ends the tour.
async fn complete(run: &Run, sweep: &mut Sweep, watched: Watched) -> Result<Duration, End> {
    let started = Instant::now();
    let why = walk::drive(run, sweep, None, watched, None).await;
    if why == Why::Interrupted {
        return Err(End::Halted(Halt::new(
            Exit::Interrupted,
            "finish the tour: interrupted",
        )));
    }
    if let Some(error) = sweep.error() {
        return Err(End::Halted(Halt::library(error, Phase::Walking)));
    }
    match text::shortfall(&sweep.summary(), None) {
        Some(halt) => Err(End::Halted(halt)),
        None => Ok(started.elapsed()),
    }
}

fn pattern(text: &'static str) -> Result<Pattern, End> {
    Pattern::new(text)
        .map_err(|error| End::Halted(Halt::usage(format!("read the pattern '{text}': {error}"))))
}

fn scan_options(text: &'static str) -> Result<ScanOptions, End> {
    Ok(ScanOptions::new(vec![pattern(text)?])?)
}

fn options(text: &'static str) -> Result<SweepOptions, End> {
    Ok(SweepOptions::new(scan_options(text)?))
}

/// The voice of the tour: prose, commands, results, and what the other client waited.
struct Guide<'a> {
    output: &'a Output,
    paint: Paint,
    columns: usize,
    under_keys: Option<Waits>,
    longest_us: u64,
}

impl Guide<'_> {
    /// Text is out before a bar is drawn below it.
    async fn say(&self, text: String) -> Result<(), End> {
        self.output.send(text.into_bytes()).await?;
        Ok(self.output.settle().await?)
    }

    async fn prose(&self, words: &str) -> Result<(), End> {
        self.say(format!("{}\n", text::prose(words, self.columns)))
            .await
    }

    async fn step(&self, title: &str, command: &str) -> Result<(), End> {
        let title = text::prose(title, self.columns);
        let command = format!("  $ keypace {command}");
        self.say(format!("\n{}\n{command}\n", self.paint.strong(&title)))
            .await
    }

    /// What a command wrote; only what is too long for the terminal is broken.
    async fn result(&self, result: &str) -> Result<(), End> {
        let mut shown = String::new();
        for line in result.lines() {
            if console::measure_text_width(line) + 2 > self.columns {
                shown.push_str(&text::hanging(line, self.columns, "  "));
            } else {
                shown.push_str("  ");
                shown.push_str(line);
            }
            shown.push('\n');
        }
        self.say(shown).await
    }

    /// The other client's waits in this step, next to those under KEYS.
    async fn waits(&mut self, step: Option<Waits>) -> Result<(), End> {
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

    async fn close(&self) -> Result<(), End> {
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
