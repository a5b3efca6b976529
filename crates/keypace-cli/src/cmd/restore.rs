//! `keypace restore`: reads the file, asks where something could go wrong, brings keys back, accounts. The guards are the
//! library's.

use std::io::IsTerminal as _;
use std::sync::Arc;

use keypace::{
    Backup, BackupIndex, Existing, Pattern, Restore as Restoring, RestoreConsent, RestoreOptions,
    RestorePlan,
};
use tokio::time::{MissedTickBehavior, interval};

use super::walk::{self, Stops, Why};
use super::{Run, confirm, json_line, print};
use crate::args::Restore;
use crate::exit::{Exit, Halt, Phase};
use crate::render::keys::KeyFormat;
use crate::render::output::{Output, Written};
use crate::render::paint::Paint;
use crate::render::{Reading, Stderr, TICK, Watched, restore as text, text as texts, wrap::wrap};
use crate::settings::patterns;

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Restore) -> Result<Exit, Halt> {
    let patterns = patterns(&typed.pattern)?;
    if typed.replace && !typed.yes {
        check_that_somebody_is_there("keys that are there would be overwritten")?;
    }
    let deadline = walk::deadline(run);
    let index = open(run, typed).await?;
    if let Some(warning) = text::unended(&index) {
        run.stderr.prose(&texts::warning(&warning, Paint::stderr()));
    }
    if typed.list {
        return list(run, typed, index, &patterns).await;
    }
    let keyspace = run.connect().await?;
    let options = options(run, typed, patterns);
    let refused = |error: keypace::Error| Halt::library(&error, Phase::Connecting);
    let plan = run
        .interrupt
        .or(RestorePlan::new(&keyspace, &index, &options))
        .await?
        .map_err(refused)?;
    let consent = confirm(run, typed, &plan).await?;
    let damage = index.damage();
    let mut restore = run
        .interrupt
        .or(Restoring::begin(&keyspace, index, options, consent))
        .await?
        .map_err(refused)?;
    let why = drive(run, &mut restore, deadline).await;
    let summary = restore.summary();
    let result = if run.settings.json {
        json_line(&summary)?
    } else {
        text::restored(&summary, Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    Ok(conclude(run, typed, &restore, why, damage).merge(printed))
}

/// The file, read once. It may be long: how far it is stands on the screen, and a Ctrl-C is heard meanwhile.
async fn open(run: &mut Run, typed: &Restore) -> Result<BackupIndex, Halt> {
    let refused = |error: keypace::Error| Halt {
        // Whatever it is that can't be read, it is no backup.
        exit: Exit::Refused,
        ..Halt::library(&error, Phase::Connecting)
    };
    let broken = |cause: tokio::task::JoinError| {
        Halt::new(Exit::Incomplete, "read the backup").with_cause(&cause)
    };
    let path = typed.file.clone();
    let opening = tokio::task::spawn_blocking(move || Backup::open(&path));
    let opened = run.interrupt.or(opening).await?;
    let backup = opened.map_err(broken)?.map_err(refused)?;
    let (file, far) = (typed.file.display().to_string(), backup.reading());
    let mut view = walk::renderer(run, Watched::Restores, false);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut indexing = tokio::task::spawn_blocking(move || backup.index());
    let shown = async {
        loop {
            tokio::select! {
                indexed = &mut indexing => break indexed,
                _ = tick.tick() => view.reading(&Reading {
                    file: &file,
                    share: far.share(),
                    is_again: far.is_again(),
                }),
            }
        }
    };
    let read = run.interrupt.or(shown).await;
    view.end_reading();
    read?.map_err(broken)?.map_err(refused)
}

fn options(run: &Run, typed: &Restore, patterns: Vec<Pattern>) -> RestoreOptions {
    let existing = match (typed.replace, typed.fail) {
        (true, _) => Existing::Replace,
        (false, true) => Existing::Fail,
        (false, false) => Existing::Skip,
    };
    let options = RestoreOptions::default()
        .with_existing(existing)
        .with_patterns(patterns)
        .with_budget(run.settings.budget)
        .with_thresholds(run.settings.thresholds);
    match run.settings.rate {
        Some(rate) => options.with_rate(rate),
        None => options,
    }
}

/// Without a person at the keyboard nobody can answer.
fn check_that_somebody_is_there(why: &str) -> Result<(), Halt> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Halt::new(
        Exit::Refused,
        format!("start the restore: {why}, and nobody is at a terminal to confirm it"),
    )
    .with_hint("--yes confirms; look first with --list"))
}

async fn confirm(
    run: &mut Run,
    typed: &Restore,
    plan: &RestorePlan,
) -> Result<RestoreConsent, Halt> {
    if typed.yes {
        return Ok(RestoreConsent::Confirmed);
    }
    if !plan.needs_consent() {
        return Ok(RestoreConsent::Additive);
    }
    let why = plan.differences().first();
    check_that_somebody_is_there(why.map_or("keys would be overwritten", String::as_str))?;
    let paint = Paint::stderr();
    let columns = Stderr::columns();
    let file = typed.file.display().to_string();
    run.stderr.line(&text::plan(plan, &file, columns, paint));
    let what = if plan.overwrites() {
        "What is overwritten can't be brought back. Type yes to restore:"
    } else {
        "Type yes to restore them there:"
    };
    let what = wrap(what, columns, "");
    run.stderr.prompt(&format!("{} ", paint.careful(&what)));
    let answer = run.interrupt.or(confirm::typed_line()).await;
    if !matches!(answer, Ok(Some(_))) {
        // The line of the question is left.
        run.stderr.line("");
    }
    if answer?.as_deref().map(str::trim) == Some("yes") {
        return Ok(RestoreConsent::Confirmed);
    }
    Err(Halt::new(
        Exit::Refused,
        "restore: not confirmed, nothing was restored",
    ))
}

/// Until it ends or is stopped; names what is not brought back as it goes.
async fn drive(run: &Run, restore: &mut Restoring, deadline: Option<tokio::time::Instant>) -> Why {
    let mut stops = Stops::new(run, restore.stop_handle(), deadline);
    let mut view = walk::renderer(run, Watched::Restores, false);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let progress = restore.progress_handle();
    let mut named = 0;
    loop {
        let moved = {
            let next = restore.next();
            tokio::pin!(next);
            loop {
                tokio::select! {
                    moved = &mut next => break moved,
                    _ = tick.tick() => view.show(&progress.get()),
                    () = stops.stop_when_asked() => {}
                }
            }
        };
        for one in restore.take_unrestored() {
            named += 1;
            if named <= text::NAMED_KEYS {
                run.stderr.prose(&text::unrestored(&one));
            }
        }
        if moved.is_none() {
            break;
        }
    }
    view.end(&restore.progress());
    if named > text::NAMED_KEYS {
        let more = named - text::NAMED_KEYS;
        run.stderr.line(&format!("and {more} more"));
    }
    stops.why()
}

fn conclude(
    run: &Run,
    typed: &Restore,
    restore: &Restoring,
    why: Why,
    damage: Vec<String>,
) -> Exit {
    let summary = restore.summary();
    let mut exit = Exit::Done;
    let unfinished = !restore.is_walked();
    if unfinished && why == Why::Interrupted {
        exit = exit.merge(Exit::Interrupted);
        run.stderr.line("interrupted");
    } else if unfinished && why == Why::Deadline {
        run.stderr.line("stopped at the deadline");
    } else if let Some(error) = restore.error() {
        exit = walk::report(run, exit, &Halt::library(error, Phase::Walking));
    }
    let file = typed.file.display().to_string();
    for halt in [text::shortfall(&summary), text::damage(&file, damage)]
        .into_iter()
        .flatten()
    {
        exit = walk::report(run, exit, &halt);
    }
    if unfinished && why != Why::Ended && !typed.replace && !typed.fail {
        run.stderr
            .prose("note: the same command goes on: it skips the keys that are there");
    }
    if !summary.complete {
        exit = exit.merge(Exit::Incomplete);
    }
    exit
}

/// What is in the file, oldest first.
async fn list(
    run: &Run,
    typed: &Restore,
    index: BackupIndex,
    patterns: &[Pattern],
) -> Result<Exit, Halt> {
    let output = Output::stdout()?;
    let index = Arc::new(index);
    let is_json = run.settings.json;
    let format = if std::io::stdout().is_terminal() {
        KeyFormat::Escaped
    } else {
        KeyFormat::Lines
    };
    for nth in 0..index.blocks() {
        let reading = Arc::clone(&index);
        let block = tokio::task::spawn_blocking(move || reading.block(nth)).await;
        let block = block
            .map_err(|cause| Halt::new(Exit::Incomplete, "read the backup").with_cause(&cause))?
            .map_err(|error| Halt::library(&error, Phase::Walking))?;
        let is_wanted =
            |key: &[u8]| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(key));
        let wanted = block
            .iter()
            .filter(|saved| is_wanted(saved.key().as_bytes()));
        let bytes: Vec<u8> = if is_json {
            wanted.flat_map(text::listed_json).collect()
        } else {
            let keys: Vec<_> = wanted.map(|saved| saved.key().clone()).collect();
            format.page(&keys)
        };
        if run.interrupt.has_happened() || output.send(bytes).await.is_err() {
            break;
        }
    }
    if output.finish().await? == Written::ReaderGone {
        return Ok(Exit::Done);
    }
    if run.interrupt.has_happened() {
        return Ok(Exit::Interrupted);
    }
    let file = typed.file.display().to_string();
    Ok(text::damage(&file, index.damage())
        .map_or(Exit::Done, |halt| walk::report(run, Exit::Done, &halt)))
}
