//! Whether the process that was walked is still the one that answers when its walk has ended: behind Sentinels, and where a
//! list was read, which by itself doesn't show it. Moves no cursor.

use super::drive::{Pages, Team};
use super::walker::failure;
use crate::error::{ErrorKind, Result};
use crate::limits;

impl Pages {
    /// Behind Sentinels a walk has ended when the process that was walked is still the one that they name: an old primary
    /// answers on open connections long after a failover. Keys that were deleted of a list may be back where a server has
    /// restarted. True where it is another: the walk begins again.
    pub(super) async fn was_replaced(&mut self) -> Result<bool> {
        if self.is_confirmed {
            return Ok(false);
        }
        let walked = match &self.team {
            Team::One(walker) => walker.run_id.clone(),
            Team::Many(crew) => crew.run_id().cloned(),
        };
        self.close();
        self.node.forget_idle();
        let mut backoff = self.node.backoff();
        let now = loop {
            match self.node.lease().await {
                Ok(lease) => break lease.run_id().cloned(),
                Err(error) => backoff.pause(error).await?,
            };
        };
        // Outside Sentinel sets some services never say who they are, and nobody can know more.
        let is_untold = !self.node.is_watched() && walked.is_none() && now.is_none();
        if is_untold || walked.is_some() && walked == now {
            self.is_confirmed = true;
            return Ok(false);
        }
        if self.restarts >= limits::MAX_RESTARTS {
            return Err(failure(
                &self.node,
                ErrorKind::Disconnected,
                "another process answers again and again: the walk would never end",
            ));
        }
        tracing::warn!(node = %self.node.name(), "another process answers by now: the walk begins again");
        self.begin_again();
        Ok(true)
    }
}
