//! A sweep over one server: where its shard begins.

use std::sync::Arc;

use super::books::Beginning;
use super::checkpoint::Checkpoint;
use super::shard::Shard;
use super::shared::Shared;
use super::tallies::Tallies;
use super::work::{Kind, join, survey};
use crate::error::Result;
use crate::key::SlotSet;
use crate::port::Keyspace;
use crate::scan::Mark;

/// Asks for the number of keys, and takes up what a checkpoint says. Walks nothing yet.
pub(super) async fn begin(
    keyspace: &Keyspace,
    shared: &Arc<Shared>,
    kind: &Kind,
    resume: Option<Checkpoint>,
) -> Result<Shard> {
    let paced = join(keyspace.node(), &shared.options, kind.removes());
    let survey = survey(keyspace.node(), &paced, None).await?;
    let mut beginning = Beginning {
        mark: Mark::start(),
        tallies: Tallies::new(shared.options.scan.row_count(), shared.options.prefix_depth)
            .with_stats(kind.stats())
            .expecting(&shared.left_alone),
        has_ended: false,
        total_keys: survey.total_keys,
        ground: Some(survey.ground(kind, keyspace.server())),
        is_narrow: false,
        slots: None,
        claim: None,
        lost: Vec::new(),
        elsewhere: SlotSet::default(),
        repeated_slots: 0,
    };
    if let Some(checkpoint) = resume {
        beginning.has_ended = checkpoint.has_ended();
        if let Some(shard) = checkpoint.shards().first() {
            shard.restore(&mut beginning.tallies);
            beginning.mark = shard.mark()?;
            beginning.lost = shard.lost()?;
        }
        if beginning.mark.is_end() && !beginning.has_ended && kind.removes() {
            // Walked whole, and not everything went: what failed is found and tried again.
            beginning.mark = Mark::start();
            beginning.tallies.restart();
        }
    }
    Ok(Shard::new(shared, keyspace.node(), paced, kind, beginning))
}
