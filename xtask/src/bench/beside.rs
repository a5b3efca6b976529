//! What a client beside a run waits: the probe, while a process works or while nothing does.
//! Must not ask anything of the server but what the probe does.

use std::process::Command;
use std::thread;
use std::time::Duration;

use keypace_lab::{Endpoint, Probe, Waits};
use serde_json::{Value, json};

use super::process;
use crate::failure::{Failure, Outcome};

/// A GET every 100 us, as in the first figures: fine enough for a 99th percentile of a second's run.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_micros(100);

/// One run with the probe beside it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) wall_ms: f64,
    pub(crate) waits: Waits,
    pub(crate) lines: u64,
    output: Vec<u8>,
}

impl Seen {
    /// What the probe waited while no process of ours ran.
    pub(crate) fn of(wall: Duration, waits: Waits) -> Self {
        Self {
            wall_ms: wall.as_secs_f64() * 1000.0,
            waits,
            lines: 0,
            output: Vec::new(),
        }
    }

    /// A run as a test needs it: its probe's 99th percentile, and a Summary with nothing but a pace.
    #[cfg(test)]
    pub(crate) fn planted(wall_ms: f64, p99_us: u64) -> Self {
        let mut waits = Waits::default();
        waits.p99_us = p99_us;
        Self {
            wall_ms,
            waits,
            lines: 0,
            output: br#"{ "pace": {} }"#.to_vec(),
        }
    }

    /// The process's whole output as JSON.
    pub(crate) fn said(&self) -> Outcome<Value> {
        serde_json::from_slice(&self.output).map_err(|error| {
            let shown = String::from_utf8_lossy(&self.output);
            Failure::new(format!(
                "failed to read {:?} as JSON: {error}",
                shown.trim()
            ))
        })
    }

    /// The figures of one round.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "wall_ms": (self.wall_ms * 10.0).round() / 10.0,
            "p50_us": self.waits.p50_us, "p99_us": self.waits.p99_us,
            "p999_us": self.waits.p999_us, "max_us": self.waits.max_us,
        })
    }

    /// The same with the pace that a Summary tells of.
    pub(crate) fn to_json_with_pace(&self) -> Outcome<Value> {
        let mut round = self.to_json();
        round["pace"] = self.said()?["pace"].take();
        Ok(round)
    }
}

/// Runs `stages` as a pipe, with the probe on the server at `endpoint` meanwhile.
pub(crate) fn run(endpoint: &Endpoint, stages: Vec<Command>) -> Outcome<Seen> {
    let probe = Probe::start(endpoint, PROBE_INTERVAL)?;
    probe.reset();
    let ended = process::piped(stages)?;
    let waits = probe.stop()?;
    Ok(Seen {
        wall_ms: ended.wall.as_secs_f64() * 1000.0,
        waits,
        lines: ended.lines,
        output: ended.output,
    })
}

/// The probe alone for a while.
pub(crate) fn idle(endpoint: &Endpoint, duration: Duration) -> Outcome<Seen> {
    let probe = Probe::start(endpoint, PROBE_INTERVAL)?;
    thread::sleep(duration);
    let waits = probe.stop()?;
    Ok(Seen::of(duration, waits))
}
