//! `keypace count`: how many keys, by pattern or by prefix. Formats nothing itself.

use keypace::{Order, Sweep};

use super::walk;
use super::{Run, json_line, print};
use crate::args::{Count, Select};
use crate::exit::{Exit, Halt, Phase};
use crate::render::{Watched, text};
use crate::settings::sweep_options;

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Count) -> Result<Exit, Halt> {
    let Select { patterns, filter } = &typed.select;
    let place = &typed.resume;
    let mut options = sweep_options(&run.settings, patterns, filter, place, Order::AsFound)?;
    if let Some(depth) = typed.by_prefix {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        options = options.with_prefix_depth(depth);
    }
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let mut sweep = run
        .interrupt
        .or(Sweep::count(&keyspace, options))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let why = walk::drive(run, &mut sweep, deadline, Watched::Matches, None).await;
    let summary = sweep.summary();
    let result = if run.settings.json {
        json_line(&summary)?
    } else {
        text::count(&summary).into_bytes()
    };
    let printed = print(result).await?;
    let resumable = !run.settings.uses_keys();
    Ok(walk::conclude(run, &sweep, why, &typed.resume, resumable).merge(printed))
}
