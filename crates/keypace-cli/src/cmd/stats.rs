//! `keypace stats`: what the keyspace is made of, by prefix, and the biggest keys. Formats nothing itself.

use keypace::{Order, Sweep};

use super::walk;
use super::{Run, json_line, print};
use crate::args::{Resume, Stats};
use crate::exit::{Exit, Halt, Phase};
use crate::render::paint::Paint;
use crate::render::{Watched, output, stats};
use crate::settings::{stats_options, sweep_options};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Stats) -> Result<Exit, Halt> {
    let wanted = stats_options(typed)?;
    // Statistics keep no place.
    let nowhere = Resume::default();
    let (patterns, filter) = (&typed.patterns, &typed.filter);
    let options = sweep_options(&run.settings, patterns, filter, &nowhere, Order::AsFound)?;
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let mut sweep = run
        .interrupt
        .or(Sweep::stats(&keyspace, options, wanted))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let why = walk::drive(run, &mut sweep, deadline, Watched::Matches, None).await;
    let report = sweep.stats_report();
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        stats::table(&report, output::columns(), Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    Ok(walk::conclude(run, &sweep, why, &nowhere, false).merge(printed))
}
