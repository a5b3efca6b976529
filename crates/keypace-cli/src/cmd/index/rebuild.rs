//! `keypace index rebuild`: asks where the old layout is to be left behind, walks, accounts, and keeps its place. Formats
//! nothing itself.

use std::io::IsTerminal as _;

use keypace::{IndexOptions, Namespace, OwnerKeys, Rebuild, RebuildOptions, SwitchConsent};

use super::super::walk::{self, Why};
use super::super::{Run, confirm, json_line, place, print};
use super::{Found, drive, find, not_begun, told_of_the_end};
use crate::args::IndexRebuild as Typed;
use crate::exit::{Exit, Halt, Phase};
use crate::render::paint::Paint;
use crate::render::{index as texts, output, slots};
use crate::settings::{index_walk, keys_path, namespace, old_layout};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let namespace = namespace(&typed.of)?;
    let old = old_layout(&namespace, &typed.old)?;
    let walk = index_walk(&run.settings, &typed.resume)?;
    if typed.switch && !typed.yes && !std::io::stdin().is_terminal() {
        return Err(Halt::new(
            Exit::Refused,
            "start the rebuild: the old layout would be left behind, and nobody is at a terminal to confirm it",
        )
        .with_hint("--yes confirms; without --switch the old layout goes on counting"));
    }
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let Found { keys, .. } = find(run, &keyspace, &typed.of, &namespace).await?;
    if typed.switch && !typed.yes {
        ask(run, &namespace).await?;
    }
    let refused = |error: keypace::Error| not_begun(&error);
    let keys = match keys {
        Some(keys) => keys,
        None => create(run, typed)?,
    };
    let mut options = IndexOptions::new(namespace.clone(), keys).with_walk(walk);
    if let Some(old) = old {
        options = options.with_old(old);
    }
    let mut rebuild = RebuildOptions::default().with_max_passes(typed.max_passes);
    if let Some(fewer_than) = typed.follow {
        rebuild = rebuild.with_follow(fewer_than);
    }
    if typed.switch {
        rebuild = rebuild.with_switch(SwitchConsent::Confirmed);
    }
    if typed.leave_unlisted {
        rebuild = rebuild.leaving_unlisted();
    }
    let begun = Rebuild::begin(&keyspace, options, rebuild);
    let mut rebuild = run.interrupt.or(begun).await?.map_err(refused)?;
    let why = drive(run, &mut rebuild, deadline).await;
    let report = rebuild.report();
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        let nodes = rebuild.progress().nodes.len();
        texts::rebuilt(&report, nodes, output::columns(), Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    Ok(conclude(run, typed, &rebuild, why).merge(printed))
}

/// The first rebuild makes the key file.
fn create(run: &Run, typed: &Typed) -> Result<OwnerKeys, Halt> {
    let path = keys_path(&typed.of, &run.around)?;
    let keys = OwnerKeys::load_or_create(&path)
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    run.stderr.line(&format!(
        "note: made the owner key file {}; whoever reads or writes the records needs it, so keep a copy",
        path.display()
    ));
    Ok(keys)
}

async fn ask(run: &mut Run, namespace: &Namespace) -> Result<(), Halt> {
    let what = format!(
        "After this, what is written the old way is in no list of {namespace} any more, and rebuild refuses. Has everything that writes the old layout stopped? Type yes to leave it behind:"
    );
    if confirm::is_agreed(run, &what).await? {
        return Ok(());
    }
    Err(Halt::new(
        Exit::Refused,
        "rebuild: not confirmed, nothing was changed",
    ))
}

fn conclude(run: &Run, typed: &Typed, rebuild: &Rebuild, why: Why) -> Exit {
    let report = rebuild.report();
    let mut exit = told_of_the_end(run, why, rebuild.is_walked(), rebuild.error());
    if rebuild.is_walked()
        && let Some(error) = rebuild.error()
    {
        exit = walk::report(run, exit, &Halt::library(error, Phase::Walking));
    }
    if let Some(halt) = texts::shortfall(&report.errors, "write every record")
        && rebuild.is_walked()
    {
        exit = walk::report(run, exit, &halt);
    }
    if let Some(open) = rebuild.uncovered().filter(|open| !open.is_empty())
        && why == Why::Ended
    {
        run.stderr.line(&slots::not_walked(open));
    }
    if rebuild.is_still_written() {
        exit = walk::report(run, exit, &texts::still_written(&report));
    }
    if rebuild.has_unlisted() {
        exit = walk::report(run, exit, &texts::unlisted(&report));
    }
    if rebuild.is_unsettled() {
        exit = walk::report(run, exit, &texts::unsettled(&report));
    }
    if !report.complete {
        exit = exit.merge(Exit::Incomplete);
    }
    if !rebuild.is_walked() && exit != Exit::Refused {
        let kept = place::keep_of(run, "index-rebuild", &typed.resume, |path| {
            rebuild.save_checkpoint(path)
        });
        if let Err(halt) = kept {
            exit = walk::report(run, exit, &halt);
        }
    }
    exit
}
