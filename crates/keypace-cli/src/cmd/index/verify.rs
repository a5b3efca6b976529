//! `keypace index verify`: walks, tells what drifts, and mends it where that was asked for. Formats nothing itself.

use keypace::{IndexOptions, IndexVerify, OwnerKeys};

use super::super::walk::{self, Why};
use super::super::{Run, json_line, print};
use super::{Found, drive, find, not_begun, told_of_the_end};
use crate::args::{IndexVerify as Typed, Resume};
use crate::exit::{Exit, Halt};
use crate::render::paint::Paint;
use crate::render::{index as texts, output, slots, text};
use crate::settings::{index_walk, namespace, old_layout};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let namespace = namespace(&typed.of)?;
    let old = old_layout(&namespace, &typed.old)?;
    // A look keeps no place.
    let walk = index_walk(&run.settings, &Resume::default())?;
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let Found { keys, has_index } = find(run, &keyspace, &typed.of, &namespace).await?;
    let refused = |error: keypace::Error| not_begun(&error);
    let keys = match keys {
        Some(keys) => keys,
        // Without an index every old record is missing, whatever its owner would be called.
        None => OwnerKeys::generate_in_memory().map_err(refused)?,
    };
    let mut options = IndexOptions::new(namespace.clone(), keys).with_walk(walk);
    if let Some(old) = old {
        options = options.with_old(old);
    }
    let begun = async {
        if typed.repair {
            IndexVerify::repair(&keyspace, options, typed.max_repairs).await
        } else {
            IndexVerify::begin(&keyspace, options).await
        }
    };
    let mut verify = run.interrupt.or(begun).await?.map_err(refused)?;
    let why = drive(run, &mut verify, deadline).await;
    let report = verify.report();
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        let nodes = verify.progress().nodes.len();
        texts::verified(&report, nodes, output::columns(), Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    Ok(conclude(run, typed, &verify, why, has_index).merge(printed))
}

fn conclude(run: &Run, typed: &Typed, verify: &IndexVerify, why: Why, has_index: bool) -> Exit {
    let report = verify.report();
    let mut exit = told_of_the_end(run, why, verify.is_walked(), verify.error());
    let namespace = &report.namespace;
    if !verify.is_walked() && why != Why::Ended {
        run.stderr
            .line("note: a look keeps no place; repeated, it begins again");
    }
    if let Some(halt) = texts::shortfall(&report.errors, "judge every key") {
        exit = walk::report(run, exit, &halt);
    }
    if let Some(open) = verify.uncovered().filter(|open| !open.is_empty())
        && why == Why::Ended
    {
        run.stderr.line(&slots::not_walked(open));
    }
    if verify.found_nothing() && verify.is_walked() {
        let text =
            format!("there is nothing to verify: {namespace} has neither records nor old keys");
        run.stderr.line(&text::warning(&text, Paint::stderr()));
        return exit;
    }
    if report.drift.total() > 0 {
        exit = exit.merge(Exit::Incomplete);
        let state = texts::Standing {
            has_index,
            follows_old: verify.follows_old(),
            is_at_its_limit: verify.is_at_its_limit(),
        };
        let hint = texts::what_to_do(&report, typed.repair, state);
        if let Some(hint) = hint {
            run.stderr.line(&texts::hint(&hint, Paint::stderr()));
        }
    }
    if !report.complete {
        exit = exit.merge(Exit::Incomplete);
    }
    exit
}
