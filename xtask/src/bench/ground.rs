//! A server of our own with a seeded keyspace, filled again after each run that took keys away.
//! Must not let one run meet another keyspace than the next.

use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{Endpoint, Listen, OwnedServer, Program, Raw, ServerOptions};

use super::values::Values;
use crate::failure::{Failure, Outcome};

/// As in the first figures: a small session.
pub(crate) const VALUE_BYTES: usize = 100;
const MATCHING_PREFIX: &[u8] = b"session:";
const OTHER_PREFIX: &[u8] = b"other:";
/// Freed values are given back by a thread beside the server's own; a run should not meet the last one's.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);
/// Often enough to lose no time, seldom enough not to be a load.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// A server on loopback with keys that match `session:*` and others that don't.
#[derive(Debug)]
pub(crate) struct Ground {
    server: OwnedServer,
    raw: Raw,
    values: Values,
    matching: u64,
    others: u64,
    first: u64,
}

impl Ground {
    /// Starts and fills it.
    pub(crate) fn start(program: &Program, matching: u64, others: u64) -> Outcome<Self> {
        let values = Values::Plain { bytes: VALUE_BYTES };
        Self::start_with(program, values, matching, others)
    }

    /// The same with other values.
    pub(crate) fn start_with(
        program: &Program,
        values: Values,
        matching: u64,
        others: u64,
    ) -> Outcome<Self> {
        let options = ServerOptions::default().with_listen(Listen::Tcp);
        let server = OwnedServer::start(program, options)?;
        let mut raw = Raw::connect(server.endpoint())?;
        eprintln!("seeding {} keys", matching + others);
        values.write(&mut raw, OTHER_PREFIX, 0..others)?;
        let mut ground = Self {
            server,
            raw,
            values,
            matching,
            others,
            first: 0,
        };
        ground.refill()?;
        Ok(ground)
    }

    /// Writes the matching keys again, and waits until the server has nothing of the last run left to do.
    pub(crate) fn refill(&mut self) -> Outcome {
        let range = self.first..self.first + self.matching;
        self.values.write(&mut self.raw, MATCHING_PREFIX, range)?;
        self.settle()
    }

    /// The same with names numbered from `first` on: as many keys at other places of the table.
    pub(crate) fn refill_from(&mut self, first: u64) -> Outcome {
        self.first = first;
        self.refill()
    }

    /// More matching keys, up to `matching`.
    pub(crate) fn grow(&mut self, matching: u64) -> Outcome {
        let range = self.first + self.matching..self.first + matching;
        self.values.write(&mut self.raw, MATCHING_PREFIX, range)?;
        self.matching = matching;
        self.settle()
    }

    /// Waits until the backlog of freed values is gone.
    pub(crate) fn settle(&mut self) -> Outcome {
        let begun = Instant::now();
        loop {
            let memory = self.raw.info("memory")?;
            if memory
                .get("lazyfree_pending_objects")
                .is_none_or(|pending| pending == "0")
            {
                return Ok(());
            }
            if begun.elapsed() > SETTLE_PATIENCE {
                return Err(Failure::new(
                    "the server still frees the values of the last run",
                ));
            }
            thread::sleep(SETTLE_PAUSE);
        }
    }

    /// A fast delete that forgot some keys is no delete.
    pub(crate) fn expect_gone(&mut self, who: &str) -> Outcome {
        let left = self.size()?;
        if left == self.others {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{who} left {left} keys, where {} don't match",
            self.others
        )))
    }

    /// Keys that are there.
    pub(crate) fn size(&mut self) -> Outcome<u64> {
        size(&mut self.raw)
    }

    pub(crate) fn matching(&self) -> u64 {
        self.matching
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.server.endpoint()
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    pub(crate) fn stop(self) -> Outcome {
        Ok(self.server.stop()?)
    }
}

/// DBSIZE.
pub(crate) fn size(raw: &mut Raw) -> Outcome<u64> {
    let reply = raw.command(&[b"DBSIZE"])?.checked()?;
    let size = reply.int().and_then(|size| u64::try_from(size).ok());
    size.ok_or_else(|| Failure::new("DBSIZE is no number"))
}
