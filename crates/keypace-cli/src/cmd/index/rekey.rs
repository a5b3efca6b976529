//! `keypace index rekey`: adds an owner key to the key file; or, asked for, moves the records to it and accounts. Formats
//! nothing itself.

use std::io::IsTerminal as _;

use keypace::{IndexOptions, Keyspace, Namespace, OwnerKeys, Rekey, RekeyConsent, add_owner_key};

use super::super::walk::{self, Why};
use super::super::{Run, confirm, json_line, print};
use super::{Found, drive, find, not_begun, told_of_the_end};
use crate::args::{IndexRekey as Typed, Resume};
use crate::exit::{Exit, Halt};
use crate::render::paint::Paint;
use crate::render::{output, rekey as texts, slots};
use crate::settings::{index_walk, namespace};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let namespace = namespace(&typed.of)?;
    // A run that is done again begins anew, and finds less.
    let walk = index_walk(&run.settings, &Resume::default())?;
    if typed.moves && !typed.yes && !std::io::stdin().is_terminal() {
        return Err(Halt::new(
            Exit::Refused,
            "start the move: every client would need the new key file, and nobody is at a terminal to confirm it",
        )
        .with_hint("--yes confirms"));
    }
    let keyspace = run.connect().await?;
    let Found { keys, .. } = find(run, &keyspace, &typed.of, &namespace).await?;
    let keys = keys.ok_or_else(|| crate::render::index::no_index("rekey", namespace.as_str()))?;
    if !typed.moves {
        return add(run, &keyspace, &namespace, &keys).await;
    }
    if !typed.yes {
        ask(run, &namespace).await?;
    }
    let options = IndexOptions::new(namespace, keys).with_walk(walk);
    moves(run, &keyspace, options).await
}

/// The file alone.
async fn add(
    run: &mut Run,
    keyspace: &Keyspace,
    namespace: &Namespace,
    keys: &OwnerKeys,
) -> Result<Exit, Halt> {
    // It is not interrupted: the file is the new one then, or not.
    let added = add_owner_key(keyspace, namespace, keys).await;
    let added = added.map_err(|error| not_begun(&error))?;
    let result = if run.settings.json {
        json_line(&texts::Added::new(namespace, &added))?
    } else {
        texts::added(namespace, &added, output::columns(), Paint::stdout()).into_bytes()
    };
    print(result).await
}

async fn ask(run: &mut Run, namespace: &Namespace) -> Result<(), Halt> {
    let what = format!(
        "From now on everything that reads or writes {namespace} needs the key file with its new key. Is it on every host? Type yes to move all owners:"
    );
    if confirm::is_agreed(run, &what).await? {
        return Ok(());
    }
    Err(Halt::new(
        Exit::Refused,
        "rekey: not confirmed, nothing was changed",
    ))
}

async fn moves(run: &mut Run, keyspace: &Keyspace, options: IndexOptions) -> Result<Exit, Halt> {
    let deadline = walk::deadline(run);
    let begun = Rekey::begin(keyspace, options, RekeyConsent::Confirmed);
    let mut rekey = (run.interrupt.or(begun).await?).map_err(|error| not_begun(&error))?;
    let why = drive(run, &mut rekey, deadline).await;
    let report = rekey.report();
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        let nodes = rekey.progress().nodes.len();
        texts::moved(&report, nodes, Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    Ok(conclude(run, &rekey, why).merge(printed))
}

fn conclude(run: &Run, rekey: &Rekey, why: Why) -> Exit {
    let report = rekey.report();
    let mut exit = told_of_the_end(run, why, rekey.is_walked(), rekey.error());
    if rekey.is_walked()
        && let Some(halt) = crate::render::index::shortfall(&report.errors, "move every record")
    {
        exit = walk::report(run, exit, &halt);
    }
    if let Some(open) = rekey.uncovered().filter(|open| !open.is_empty())
        && why == Why::Ended
        && !rekey.is_walked()
    {
        run.stderr.line(&slots::not_walked(open));
    }
    if !report.complete {
        exit = exit.merge(Exit::Incomplete);
        run.stderr
            .line(&texts::to_go_on(&report.namespace, Paint::stderr()));
    }
    exit
}
