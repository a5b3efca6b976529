//! `keypace index assign`: gives old records that name nobody an owner. Formats nothing itself.

use keypace::{IndexOptions, RecordId, assign};

use super::super::{Run, json_line, print};
use super::{Found, find, not_begun};
use crate::args::{IndexAssign as Typed, Resume};
use crate::exit::{Exit, Halt, Phase};
use crate::render::index as texts;
use crate::render::paint::Paint;
use crate::settings::{index_walk, namespace, owner};

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Typed) -> Result<Exit, Halt> {
    let owner = owner(&typed.whose, "assign")?;
    let namespace = namespace(&typed.of)?;
    let unusable = |error: keypace::Error| Halt::library(&error, Phase::Connecting);
    let ids = typed.ids.iter().map(RecordId::new);
    let ids: Vec<RecordId> = ids.collect::<Result<_, _>>().map_err(unusable)?;
    let walk = index_walk(&run.settings, &Resume::default())?;
    let keyspace = run.connect().await?;
    let Found { keys, .. } = find(run, &keyspace, &typed.of, &namespace).await?;
    let keys = keys.ok_or_else(|| texts::no_index("assign", namespace.as_str()))?;
    let options = IndexOptions::new(namespace, keys).with_walk(walk);
    let assigned = assign(&keyspace, options, &owner, &ids).await;
    let report = assigned.map_err(|error| not_begun(&error))?;
    let result = if run.settings.json {
        json_line(&report)?
    } else {
        texts::assigned(&report, Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    let exit = if report.missing.is_empty() && report.owned.is_empty() {
        Exit::Done
    } else {
        Exit::Incomplete
    };
    Ok(exit.merge(printed))
}
