//! `keypace inspect`: one look at the server, or two and what happened in between. Formats nothing itself.

use std::time::Duration;

use keypace::{InspectReport, Keyspace, Look, SourceLine, inspect};
use tokio::time::{Instant, sleep_until};

use super::{Run, json_line, print, walk};
use crate::args::Inspect;
use crate::exit::{Exit, Halt, Phase};
use crate::render::figures::span;
use crate::render::paint::Paint;
use crate::render::{inspect as shown, output};
use crate::settings::{inspect_options, watch};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Inspect) -> Result<Exit, Halt> {
    let watch = watch(typed)?;
    let lines = sources(typed)?;
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let (mut report, exit) = match watch {
        None => (look(run, &keyspace, typed).await?.report(), Exit::Done),
        Some(watch) => watched(run, &keyspace, typed, watch, deadline).await?,
    };
    report.join_sources(&lines);
    if typed.redact {
        report.redact();
    }
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        shown::text(&report, output::columns(), Paint::stdout()).into_bytes()
    };
    let exit = if report.complete {
        exit
    } else {
        exit.merge(Exit::Incomplete)
    };
    Ok(exit.merge(print(result).await?))
}

/// The lines that an audit finds, read before any server is asked: a wrong PATH ends here.
#[cfg(feature = "audit")]
fn sources(typed: &Inspect) -> Result<Vec<SourceLine>, Halt> {
    if typed.with_source.is_empty() {
        return Ok(Vec::new());
    }
    super::source_lines::lines(&typed.with_source)
}

#[cfg(not(feature = "audit"))]
fn sources(_typed: &Inspect) -> Result<Vec<SourceLine>, Halt> {
    Ok(Vec::new())
}

async fn look(run: &mut Run, keyspace: &Keyspace, typed: &Inspect) -> Result<Look, Halt> {
    let options = inspect_options(&run.settings, typed);
    run.interrupt
        .or(inspect(keyspace, &options))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))
}

/// Looks, waits, looks again. Ctrl-C and the deadline end the wait, and what was seen until then is told.
async fn watched(
    run: &mut Run,
    keyspace: &Keyspace,
    typed: &Inspect,
    watch: Duration,
    deadline: Option<Instant>,
) -> Result<(InspectReport, Exit), Halt> {
    // What doesn't change is looked at in the second look alone.
    let before = Inspect {
        sample: 0,
        capabilities: false,
        ..typed.clone()
    };
    let before = look(run, keyspace, &before).await?;
    let now = Instant::now();
    let allowed = deadline.map_or(watch, |deadline| deadline.saturating_duration_since(now));
    let watch = watch.min(allowed);
    run.stderr.prose(&format!(
        "watching for {}; Ctrl-C ends it early",
        span(watch)
    ));
    let exit = tokio::select! {
        () = run.interrupt.happened() => Exit::Interrupted,
        () = sleep_until(now + watch) => Exit::Done,
    };
    let options = inspect_options(&run.settings, typed);
    // The signal has been heard: a second one ends the process.
    let after = inspect(keyspace, &options)
        .await
        .map_err(|error| Halt::library(&error, Phase::Walking))?;
    Ok((after.report_since(&before), exit))
}
