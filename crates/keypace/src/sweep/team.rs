//! Who walks: one server's shard, or a cluster's. What is the same of both for whoever drives a sweep.

use std::sync::Arc;

use super::alone;
use super::books::SharedBooks;
use super::checkpoint::Checkpoint;
use super::cluster::Cluster;
use super::drive::Event;
use super::overview::ProgressHandle;
use super::shard::Shard;
use super::shared::Shared;
use super::work::Kind;
use crate::error::{Error, Result};
use crate::key::SlotSet;
use crate::port::Keyspace;

/// Who walks.
pub(super) enum Team {
    /// One server.
    Alone(Box<Shard>),
    /// The primaries of a cluster.
    Cluster(Box<Cluster>),
}

impl Team {
    /// Walks nothing yet.
    pub(super) async fn begin(
        keyspace: &Keyspace,
        shared: &Arc<Shared>,
        overview: &ProgressHandle,
        kind: &Kind,
        resume: Option<Checkpoint>,
    ) -> Result<Self> {
        if keyspace.is_cluster() {
            let cluster = Cluster::new(keyspace, shared, overview, kind, resume).await?;
            return Ok(Self::Cluster(Box::new(cluster)));
        }
        let shard = alone::begin(keyspace, shared, kind, resume).await?;
        overview.add(shard.books().clone());
        Ok(Self::Alone(Box::new(shard)))
    }

    /// The next step of anybody. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Alone(shard) => shard.next().await,
            Self::Cluster(cluster) => cluster.next().await,
        }
    }

    /// What ended the walks early; asked once, when they have ended.
    pub(super) fn take_errors(&mut self) -> Vec<Error> {
        match self {
            Self::Alone(shard) => shard.books().open().error.take().into_iter().collect(),
            Self::Cluster(cluster) => cluster.take_errors(),
        }
    }

    /// The slots of a cluster that are not proven to have been walked whole.
    pub(super) fn uncovered(&self) -> Option<&SlotSet> {
        match self {
            Self::Alone(_) => None,
            Self::Cluster(cluster) => Some(cluster.open()),
        }
    }

    /// Every part was walked whole.
    pub(super) fn is_walked(&self, books: &[SharedBooks]) -> bool {
        match self.uncovered() {
            Some(open) => open.is_empty(),
            None => books.iter().all(|shard| shard.open().has_walked),
        }
    }
}
