//! `keypace demo`: a tour on a private server, with a client beside it that says what it waited. The order of the
//! steps and their words; the server is `stage`'s. Touches no server but its own, and leaves nothing behind.

mod guide;
mod stage;

use std::time::{Duration, Instant};

use keypace::{
    Consent, DeleteOptions, Order, Pattern, ScanOptions, Strategy, Sweep, SweepOptions,
    plan_delete_unseen,
};

use self::guide::{End, Guide};
use self::stage::Stage;
use super::Run;
use super::walk::{self, Why};
use crate::args::Global;
use crate::exit::{Exit, Halt, Phase};
use crate::render::figures::{plural, span};
use crate::render::output::Output;
use crate::render::{Watched, text};

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
        // A Ctrl-C at the terminal may reach the server before it reaches us.
        Err(End::Halted(_)) if run.interrupt.has_happened() => Err(Halt::new(
            Exit::Interrupted,
            "finish the tour: interrupted; the private server is stopped and its folder removed",
        )),
        Err(End::Halted(halt)) => Err(halt),
        Ok(()) => written.map(|_| Exit::Done),
    }
}

async fn tour(run: &mut Run, output: &Output) -> Result<(), End> {
    let mut guide = Guide::new(output);
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
    guide.baseline(waits).await
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
    let shown = text::would_delete(&sweep.summary(), &sweep.samples(), total, guide.paint);
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
