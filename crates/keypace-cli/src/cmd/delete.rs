//! `keypace delete`: plan, confirm, delete, account. The guards are the library's; the question is `confirm`'s.

use keypace::{
    Confirmed, Consent, DeleteOptions, Keyspace, Order, Plan, Scope, Sweep, SweepOptions, Verify,
    plan_delete, plan_delete_unseen,
};

use super::resume::restore_line;
use super::walk;
use super::{Run, confirm, json_line, key_source, print};
use crate::args::Delete;
use crate::exit::{Exit, Halt, Phase};
use crate::render::paint::Paint;
use crate::render::{Watched, text};
use crate::settings::{backup_target, listed_options, sweep_options};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Delete) -> Result<Exit, Halt> {
    let delete = delete_options(typed)?;
    let backup = backup_target(typed)?;
    let asks = !typed.dry_run && !typed.yes;
    if asks {
        confirm::check_that_stdin_is_left(typed)?;
    }
    let mut options = which(run, typed).await?;
    if asks {
        confirm::check_that_somebody_is_there()?;
    }
    if let Some(target) = backup.filter(|_| !typed.dry_run) {
        options = options.with_backup(target);
    }
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    if typed.dry_run {
        return dry_run(run, typed, &keyspace, options, delete, deadline).await;
    }
    let confirmed = plan_and_confirm(run, typed, &keyspace, &options).await?;
    let mut sweep = run
        .interrupt
        .or(Sweep::delete(&keyspace, options, delete, confirmed))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let why = walk::drive(run, &mut sweep, deadline, Watched::Deletions, None).await;
    let summary = sweep.summary();
    let result = if run.settings.json {
        json_line(&summary)?
    } else {
        let mut text = text::deleted(&summary, Paint::stdout());
        if let Some(file) = typed.backup.as_ref().filter(|_| summary.deleted > 0) {
            let typed: Vec<_> = std::env::args_os().collect();
            text.push_str(&text::undo(&restore_line(&typed, file), Paint::stdout()));
        }
        text.into_bytes()
    };
    let printed = print(result).await?;
    let resumable = is_resumable(run, typed);
    Ok(walk::conclude(run, &sweep, why, &typed.resume, resumable).merge(printed))
}

/// The keys that are meant: by patterns, or by name.
async fn which(run: &mut Run, typed: &Delete) -> Result<SweepOptions, Halt> {
    let (filter, place) = (&typed.filter, &typed.resume);
    let Some(file) = &typed.keys_from else {
        let patterns = &typed.patterns;
        return sweep_options(&run.settings, patterns, filter, place, Order::AsFound);
    };
    let list = key_source::read(run, file).await?;
    listed_options(&run.settings, list, filter, place)
}

/// Neither KEYS nor a pipe can be taken up where they were left.
fn is_resumable(run: &Run, typed: &Delete) -> bool {
    !run.settings.uses_keys() && !key_source::is_stdin(typed)
}

fn delete_options(typed: &Delete) -> Result<DeleteOptions, Halt> {
    let mut options = DeleteOptions::default();
    if let Some(batch) = typed.batch {
        options = options
            .with_batch(batch)
            .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    }
    if let Some(most) = typed.max_delete {
        options = options.with_max_delete(most);
    }
    Ok(options.with_verify(match typed.verify_until_empty {
        Some(most) => Verify::UntilEmpty(most),
        None if typed.verify => Verify::Once,
        None => Verify::No,
    }))
}

async fn dry_run(
    run: &mut Run,
    typed: &Delete,
    keyspace: &Keyspace,
    options: SweepOptions,
    delete: DeleteOptions,
    deadline: Option<tokio::time::Instant>,
) -> Result<Exit, Halt> {
    let total = run
        .interrupt
        .or(keyspace.dbsize())
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let mut sweep = run
        .interrupt
        .or(Sweep::dry_run(keyspace, options, delete))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let why = walk::drive(run, &mut sweep, deadline, Watched::Matches, None).await;
    let summary = sweep.summary();
    let result = if run.settings.json {
        json_line(&summary)?
    } else {
        text::would_delete(&summary, &sweep.samples(), total, Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    let resumable = is_resumable(run, typed);
    Ok(walk::conclude(run, &sweep, why, &typed.resume, resumable).merge(printed))
}

/// The plan, seen by a person or waved through by `--yes`; the library's guard has the last word on both ways.
async fn plan_and_confirm(
    run: &mut Run,
    typed: &Delete,
    keyspace: &Keyspace,
    options: &SweepOptions,
) -> Result<Confirmed, Halt> {
    let consent = if typed.all {
        Consent::All
    } else {
        Consent::Scoped
    };
    let refused = |error: keypace::Error| Halt::library(&error, Phase::Connecting);
    let unseen: Plan = run
        .interrupt
        .or(plan_delete_unseen(keyspace, options))
        .await?
        .map_err(refused)?;
    // A plan that would be refused anyway needs neither a walk nor a question.
    let refused_anyway = unseen.scope() == Scope::CatchAll && !typed.all;
    if typed.yes || refused_anyway {
        return unseen.confirm(consent).map_err(refused);
    }
    // A look at the keyspace begins at its start, which a resumed run has behind it.
    let plan = if typed.resume.resume.is_some() {
        unseen
    } else {
        run.interrupt
            .or(plan_delete(keyspace, options))
            .await?
            .map_err(|error| Halt::library(&error, Phase::Walking))?
    };
    confirm::ask(run, &plan, typed).await?;
    plan.confirm(consent).map_err(refused)
}
