//! The question before a delete: shows the plan on stderr and reads the answer from stdin. Deletes nothing, and lets
//! nothing pass but the exact word.

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _};

use keypace::{Plan, Scope};
use tokio::sync::oneshot;

use super::{Run, key_source};
use crate::args::{Delete, Filter};
use crate::exit::{Exit, Halt};
use crate::render::figures::binary_bytes;
use crate::render::paint::Paint;
use crate::render::plan::Words;
use crate::render::wrap::wrap;
use crate::render::{Stderr, plan as plan_text};

/// Keys in one UNLINK where nobody says otherwise; the library's own default, repeated for the eye.
const DEFAULT_BATCH: usize = keypace::limits::BATCH_KEYS;

/// Names that come from stdin leave no room for an answer there.
pub(super) fn check_that_stdin_is_left(typed: &Delete) -> Result<(), Halt> {
    if key_source::is_stdin(typed) {
        return Err(unasked(
            "the names come from stdin, where the question would be answered",
        ));
    }
    Ok(())
}

/// Without a person at the keyboard nobody can answer, so the refusal comes before any work.
pub(super) fn check_that_somebody_is_there() -> Result<(), Halt> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(unasked("nobody is at a terminal to confirm it"))
}

fn unasked(why: &str) -> Halt {
    Halt::new(Exit::Refused, format!("start the delete: {why}"))
        .with_hint("--yes confirms; look first with --dry-run")
}

/// Shows the plan and waits for the answer.
pub(super) async fn ask(run: &mut Run, plan: &Plan, typed: &Delete) -> Result<(), Halt> {
    let paint = Paint::stderr();
    run.stderr.line(&plan_text::plan(
        plan,
        &words(run, plan, typed),
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
        Scope::Unbounded | Scope::Scoped if typed.backup.is_some() => {
            let what = "A copy of each is kept. Type yes to delete them:";
            (what.to_owned(), "yes".to_owned())
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

/// Asks on stderr; whether the answer was the exact word, yes.
pub(super) async fn is_agreed(run: &mut Run, what: &str) -> Result<bool, Halt> {
    let paint = Paint::stderr();
    let what = wrap(what, Stderr::columns(), "");
    run.stderr.prompt(&format!("{} ", paint.careful(&what)));
    let answer = run.interrupt.or(typed_line()).await;
    if !matches!(answer, Ok(Some(_))) {
        // The line of the question is left.
        run.stderr.line("");
    }
    Ok(answer?.as_deref().map(str::trim) == Some("yes"))
}

/// A line from stdin, or nothing at its end. Read on a thread of its own: it can't be cancelled, and goes with the
/// process.
pub(super) async fn typed_line() -> Option<String> {
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

/// What was typed, for the plan.
fn words(run: &Run, plan: &Plan, typed: &Delete) -> Words {
    let only = only(&typed.filter);
    Words {
        keys: keys(typed),
        only: (!only.is_empty()).then(|| only.join(", ")),
        how: how(run, typed),
        backup: backup(typed, plan),
    }
}

fn keys(typed: &Delete) -> String {
    let shown = |words: &[OsString]| {
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
    let Filter {
        types,
        exclude,
        limit,
        ..
    } = &typed.filter;
    let mut text = match &typed.keys_from {
        Some(file) => format!("those that {} names", file.display()),
        None => shown(&typed.patterns),
    };
    if !types.is_empty() {
        text.push_str(&format!(" of type {}", types.join(" or ")));
    }
    if !exclude.is_empty() {
        text.push_str(&format!(", except {}", shown(exclude)));
    }
    if let Some(limit) = limit {
        text.push_str(&format!(", at most {limit}"));
    }
    if let Some(place) = &typed.resume.resume {
        text.push_str(&format!(", going on from {}", place.display()));
    }
    text
}

/// The filters, as they were typed.
fn only(typed: &Filter) -> Vec<String> {
    let flags = [
        (typed.has_ttl, "with a TTL"),
        (typed.no_ttl, "without a TTL"),
    ];
    let values = [
        (&typed.ttl_under, "with a TTL under"),
        (&typed.ttl_over, "with a TTL over"),
        (&typed.size_over, "larger than"),
        (&typed.size_under, "smaller than"),
    ];
    let idle = typed
        .idle_over
        .iter()
        .map(|value| format!("idle for {value} or longer"));
    let flags = flags
        .into_iter()
        .filter(|(is_typed, _)| *is_typed)
        .map(|(_, words)| words.to_owned());
    let values = values
        .into_iter()
        .filter_map(|(value, words)| value.as_ref().map(|value| format!("{words} {value}")));
    idle.chain(flags).chain(values).collect()
}

/// Where copies go, and whether there is room.
fn backup(typed: &Delete, plan: &Plan) -> String {
    let Some(path) = &typed.backup else {
        return "none; with --backup FILE, keypace restore can bring them back".to_owned();
    };
    let (needed, free) = plan
        .backup()
        .map_or((None, None), |plan| (plan.estimate_bytes, plan.free_bytes));
    let mut text = path.display().to_string();
    if let Some(needed) = needed {
        text.push_str(&format!(", at most about {}", binary_bytes(needed)));
    }
    if let Some(free) = free {
        text.push_str(&format!(", {} free there", binary_bytes(free)));
    }
    if needed.zip(free).is_some_and(|(needed, free)| needed > free) {
        text.push_str(": it may not fit");
    }
    let most = match &typed.backup_max_value {
        Some(typed) => typed.clone(),
        None => binary_bytes(keypace::limits::BACKUP_MAX_VALUE_BYTES),
    };
    text.push_str(&format!("; values above {most} are left alone"));
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
    match typed.verify_until_empty {
        Some(passes) => text.push_str(&format!(
            "; again until nothing matches, at most {passes} times"
        )),
        None if typed.verify => text.push_str("; then once more to see what matches yet"),
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::only;
    use crate::args::Filter;

    #[test]
    fn filters_are_said_in_the_words_of_the_flags() {
        let typed = Filter {
            idle_over: Some("30d".to_owned()),
            no_ttl: true,
            size_over: Some("1MiB".to_owned()),
            ..Filter::default()
        };
        assert_eq!(
            only(&typed).join(", "),
            "idle for 30d or longer, without a TTL, larger than 1MiB"
        );
        assert!(only(&Filter::default()).is_empty());
    }
}
