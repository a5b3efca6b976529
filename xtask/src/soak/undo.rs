//! Brings back what a delete with a backup has deleted, and says whether each value is there again: then each was on the
//! server or in the backup. Must not take a restore's word for it.

use std::path::PathBuf;

use super::attempt::{self, Attempt};
use super::families::Family;
use super::judge::{self, Ending};
use super::ledger::Invariant;
use super::runs::Runner;
use super::witness;
use crate::failure::{Failure, Outcome};

/// A restore that a fault has cut short is made again: what is there already it leaves as it is.
const RESTORES: u32 = 5;

/// Restores from all of these, the newest first, until that is complete; then each key must have its value.
pub(super) fn undo(runner: &Runner<'_>, files: &[PathBuf], family: Family) -> Outcome {
    let shared = runner.shared;
    let held = witness::values(&shared.cluster(), family)?;
    for _ in 0..RESTORES {
        let since = shared.begun.elapsed();
        let mut all_complete = true;
        for file in files.iter().rev().filter(|file| file.exists()) {
            all_complete &= restore(runner, file)? == Ending::Complete;
        }
        // What a primary took while it was replaced by force may be lost with it.
        let after = witness::values(&shared.cluster(), family)?;
        if !all_complete || shared.was_forced_since(since) {
            continue;
        }
        let mut ledger = shared.ledger();
        return judge::restored(&held, &after, family.keys, &mut ledger).map_err(Failure::new);
    }
    println!(
        "{:8.1} s  no restore was complete",
        shared.begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn restore(runner: &Runner<'_>, file: &PathBuf) -> Outcome<Ending> {
    let mut command = runner.command(&["--budget".to_owned(), "off".to_owned()]);
    command.args(["restore", "--json"]).arg(file);
    let mut output = Vec::new();
    let ran = Attempt::run(command, None, &mut |bytes| {
        attempt::keep(&mut output, bytes)
    })?;
    let mut ledger = runner.shared.ledger();
    let said = String::from_utf8_lossy(&output).into_owned();
    let found = |text: String| {
        Failure::new(format!(
            "restore of {}: {text}\n{}\n{said}",
            file.display(),
            ran.last_words()
        ))
    };
    ledger
        .check(Invariant::Bounds, 1, ran.trouble.clone())
        .map_err(found)?;
    judge::ending(ran.code, &ran.stderr).map_err(found)
}
