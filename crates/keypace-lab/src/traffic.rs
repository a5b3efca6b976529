//! What passed between clients and a server: commands, and bytes both ways. Counts; must not change the server's own
//! counters (`CONFIG RESETSTAT`), which belong to whoever watches it.

use std::ops::{Add, Sub};

use crate::error::{LabError, LabErrorKind};
use crate::raw::Raw;
use crate::visit::Visit;

/// Commands, and bytes as clients see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Commands sent.
    pub commands: u64,
    /// Bytes written to sockets.
    pub sent: u64,
    /// Bytes read from them.
    pub received: u64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            commands: self.commands + other.commands,
            sent: self.sent + other.sent,
            received: self.received + other.received,
        }
    }
}

/// Stops at zero: two views of the same traffic may be taken a moment apart.
impl Sub for Traffic {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            commands: self.commands.saturating_sub(other.commands),
            sent: self.sent.saturating_sub(other.sent),
            received: self.received.saturating_sub(other.received),
        }
    }
}

/// Asks a server what passed between two moments, its own questions not counted. Exact where nobody else talks to
/// the server at either moment; what other clients do in between is counted with the rest.
#[derive(Debug)]
pub struct Meter {
    raw: Raw,
    seen: Traffic,
    asked: Traffic,
}

impl Meter {
    /// Connects, and begins to count.
    ///
    /// # Errors
    /// As [`Raw::visit`]; `Refused` where INFO is not allowed, `Reply` where it lacks the counters.
    pub fn start(visit: &Visit) -> Result<Self, LabError> {
        let mut meter = Self {
            raw: Raw::visit(visit)?,
            seen: Traffic::default(),
            asked: Traffic::default(),
        };
        (meter.seen, meter.asked) = meter.ask()?;
        Ok(meter)
    }

    /// What has passed since the start.
    ///
    /// # Errors
    /// As [`Meter::start`].
    pub fn finish(mut self) -> Result<Traffic, LabError> {
        let (seen, asked) = self.ask()?;
        // The server counts a request when it comes and a reply when it goes. So between its two answers lie the
        // first question's reply and the second's request, and the first question as a command.
        let own = Traffic {
            commands: self.asked.commands,
            sent: asked.sent,
            received: self.asked.received,
        };
        Ok(seen - self.seen - own)
    }

    /// The server's counters, and what asking for them took.
    fn ask(&mut self) -> Result<(Traffic, Traffic), LabError> {
        let before = self.raw.traffic();
        let fields = self.raw.info("stats")?;
        let asked = self.raw.traffic() - before;
        let counter = |name: &str| {
            let field = fields.get(name).and_then(|field| field.parse().ok());
            field.ok_or_else(|| {
                LabError::new(LabErrorKind::Reply, "read the server's counters")
                    .because(format!("INFO has no {name}"))
            })
        };
        let seen = Traffic {
            commands: counter("total_commands_processed")?,
            sent: counter("total_net_input_bytes")?,
            received: counter("total_net_output_bytes")?,
        };
        Ok((seen, asked))
    }
}

#[cfg(test)]
mod tests {
    use super::Traffic;

    #[test]
    fn differences_stop_at_zero() {
        let few = Traffic {
            commands: 1,
            sent: 20,
            received: 3,
        };
        let more = Traffic {
            commands: 2,
            sent: 10,
            received: 5,
        };
        assert_eq!((few + more).sent, 30);
        assert_eq!(
            more - few,
            Traffic {
                commands: 1,
                sent: 0,
                received: 2
            }
        );
    }
}
