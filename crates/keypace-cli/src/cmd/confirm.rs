//! The question before a delete: shows the plan on stderr and reads the answer from stdin. Deletes nothing, and lets
//! nothing pass but the exact word.

use std::io::{BufRead as _, IsTerminal as _};

use keypace::{Plan, Scope};
use tokio::sync::oneshot;

use super::Run;
use crate::args::Delete;
use crate::exit::{Exit, Halt};
use crate::render::paint::Paint;
use crate::render::wrap::wrap;
use crate::render::{Stderr, plan as plan_text};

/// Keys in one UNLINK where nobody says otherwise; the library's own default, repeated for the eye.
const DEFAULT_BATCH: usize = keypace::limits::BATCH_KEYS;

/// Without a person at the keyboard nobody can answer, so the refusal comes before any work.
pub(super) fn check_that_somebody_is_there() -> Result<(), Halt> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Halt::new(
        Exit::Refused,
        "start the delete: nobody is at a terminal to confirm it",
    )
    .with_hint("--yes confirms; look first with --dry-run"))
}

/// Shows the plan and waits for the answer.
pub(super) async fn ask(run: &mut Run, plan: &Plan, typed: &Delete) -> Result<(), Halt> {
    let paint = Paint::stderr();
    run.stderr.line(&plan_text::plan(
        plan,
        &patterns(typed),
        &how(run, typed),
        Stderr::columns(),
        paint,
    ));
    let (what, expected) = match plan.scope() {
        Scope::CatchAll => {
            let number = plan.total_keys().to_string();
            let what =
                format!("This is every key there is. Type their number, {number}, to delete them:");
            (what, number)
        }
        Scope::Unbounded | Scope::Scoped => (
            "Deleted keys can't be brought back. Type yes to delete them:".to_owned(),
            "yes".to_owned(),
        ),
    };
    let what = wrap(&what, Stderr::columns(), "");
    run.stderr.prompt(&format!("{} ", paint.careful(&what)));
    let answer = run.interrupt.or(typed_line()).await;
    if answer.is_err() {
        // The line of the question is left.
        run.stderr.line("");
    }
    let answer = answer?;
    if answer.as_deref().map(str::trim) == Some(expected.as_str()) {
        return Ok(());
    }
    if answer.is_none() {
        run.stderr.line("");
    }
    Err(Halt::new(
        Exit::Refused,
        "delete: not confirmed, nothing was deleted",
    ))
}

/// A line from stdin, or nothing at its end. Read on a thread of its own: it can't be cancelled, and goes with the
/// process.
async fn typed_line() -> Option<String> {
    let (tell, told) = oneshot::channel();
    let reader = std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            // Whoever asked may have been interrupted.
            let _ = tell.send(read.ok().filter(|bytes| *bytes > 0).map(|_| line));
        });
    match reader {
        Ok(_) => told.await.ok().flatten(),
        Err(_) => None,
    }
}

fn patterns(typed: &Delete) -> String {
    let shown = |words: &[std::ffi::OsString]| {
        words
            .iter()
            .map(|word| {
                keypace::Key::new(word.as_encoded_bytes().to_vec())
                    .escaped()
                    .to_string()
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = shown(&typed.select.patterns);
    if !typed.select.types.is_empty() {
        text.push_str(&format!(" of type {}", typed.select.types.join(" or ")));
    }
    if !typed.select.exclude.is_empty() {
        text.push_str(&format!(", except {}", shown(&typed.select.exclude)));
    }
    if let Some(limit) = typed.select.limit {
        text.push_str(&format!(", at most {limit}"));
    }
    if let Some(place) = &typed.resume.resume {
        text.push_str(&format!(", going on from {}", place.display()));
    }
    text
}

fn how(run: &Run, typed: &Delete) -> String {
    let batch = typed.batch.unwrap_or(DEFAULT_BATCH);
    let budget = match run.settings.budget.as_duration() {
        Some(wait) => format!("a budget of {wait:?}"),
        None => "no budget: full speed".to_owned(),
    };
    let mut text = format!("in batches of {batch}, with {budget}");
    if let Some(rate) = run.settings.rate {
        text.push_str(&format!(", at most {rate} a second"));
    }
    text
}
