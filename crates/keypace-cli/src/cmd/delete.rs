//! `keypace delete`: plan, confirm, delete, account. The guards are the library's; the question is `confirm`'s.

use keypace::{
    Confirmed, Consent, DeleteOptions, Keyspace, Order, Plan, Scope, Sweep, SweepOptions,
    plan_delete, plan_delete_unseen,
};

use super::walk;
use super::{Run, confirm, json_line, print};
use crate::args::Delete;
use crate::exit::{Exit, Halt, Phase};
use crate::render::paint::Paint;
use crate::render::{Watched, text};
use crate::settings::sweep_options;

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Delete) -> Result<Exit, Halt> {
    let options = sweep_options(&run.settings, &typed.select, &typed.resume, Order::AsFound)?;
    let delete = delete_options(typed)?;
    if !typed.dry_run && !typed.yes {
        confirm::check_that_somebody_is_there()?;
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
        text::deleted(&summary, Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    let resumable = !run.settings.uses_keys();
    Ok(walk::conclude(run, &sweep, why, &typed.resume, resumable).merge(printed))
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
    Ok(options)
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
    let resumable = !run.settings.uses_keys();
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
