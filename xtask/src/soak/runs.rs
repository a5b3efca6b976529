//! Runs of keypace, one after the other, each held against what must be so.
//! Must not let a run end without a check.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::attempt::{self, Attempt};
use super::books::{Books, Entry};
use super::chaos::Shared;
use super::draw::Draw;
use super::families::{DOOMED, DOOMED_PATTERN, Listing, STABLE_PATTERN};
use super::judge::{self, Deletion, Ending};
use super::witness::Census;
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// What is written before each delete.
pub(super) const DOOMED_KEYS: u64 = 20_000;
/// Small: the keys are what is walked.
pub(super) const VALUE_BYTES: usize = 8;
/// As `NEAR` is named.
const NEAR_PATTERN: &str = "doomed[0-9]*";
/// SIGKILLs of one run; then it is let be.
const MAX_KILLS: u64 = 4;
/// A checkpoint is written every half second, and a run takes seconds.
const KILL_AFTER_MS: std::ops::RangeInclusive<u64> = 100..=2500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    List,
    ListExact,
    ListKilled,
    Count,
    CountKilled,
    Delete,
    DeleteKilled,
}

const KINDS: [Kind; 7] = [
    Kind::List,
    Kind::ListExact,
    Kind::ListKilled,
    Kind::Count,
    Kind::CountKilled,
    Kind::Delete,
    Kind::DeleteKilled,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::ListExact => "list --exact",
            Self::ListKilled => "list, killed",
            Self::Count => "count",
            Self::CountKilled => "count, killed",
            Self::Delete => "delete",
            Self::DeleteKilled => "delete, killed",
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::List | Self::ListKilled => &["scan", "-0", STABLE_PATTERN],
            Self::ListExact => &["scan", "-0", "--exact", STABLE_PATTERN],
            Self::Count | Self::CountKilled => &["--json", "count", STABLE_PATTERN, NEAR_PATTERN],
            Self::Delete | Self::DeleteKilled => &["--json", "delete", "--yes", DOOMED_PATTERN],
        }
    }

    fn is_killed(self) -> bool {
        matches!(
            self,
            Self::ListKilled | Self::CountKilled | Self::DeleteKilled
        )
    }

    fn is_delete(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteKilled)
    }
}

/// What all attempts of a run came to.
struct Ran {
    last: Attempt,
    kills: u64,
    wall: Duration,
    peak_bytes: u64,
    listing: Listing,
    /// Of the last attempt, where it prints one.
    output: Vec<u8>,
    shown: String,
}

/// The one who runs them.
pub(super) struct Runner<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) shared: &'a Shared,
    pub(super) draw: Draw,
    pub(super) books: Books,
    /// Keys that SCAN may return twice on this server.
    pub(super) surplus_limit: u64,
}

impl Runner<'_> {
    /// Runs until `deadline`, or until the faults can't go on.
    pub(super) fn run(&mut self, deadline: Instant) -> Outcome {
        while Instant::now() < deadline && !self.shared.is_stopping() {
            let kind = self.draw.pick(&KINDS);
            self.one(kind)?;
        }
        Ok(())
    }

    fn one(&mut self, kind: Kind) -> Outcome {
        let before = if kind.is_delete() { self.sow()? } else { 0 };
        let since = self.shared.begun.elapsed();
        let ran = self.attempts(kind)?;
        let found = self.check(kind, &ran, before, since);
        found.map_err(|found| {
            Failure::new(format!(
                "{} begun at {:.1} s: {found}\n{}\n{}\n{}",
                kind.name(),
                since.as_secs_f64(),
                ran.shown,
                ran.last.last_words(),
                String::from_utf8_lossy(&ran.output)
            ))
        })
    }

    /// Writes the doomed keys while nothing befalls the cluster; how many there are.
    fn sow(&self) -> Outcome<u64> {
        let cluster = self.shared.cluster();
        cluster.seed_strings(DOOMED, 0..DOOMED_KEYS, VALUE_BYTES)?;
        let census = Census::take(&cluster, DOOMED_KEYS)?;
        match census.doomed.missing() {
            0 => Ok(DOOMED_KEYS),
            missing => Err(Failure::new(format!(
                "the lab lost {missing} keys just written"
            ))),
        }
    }

    /// Kills it now and then where it is one to be killed, and has it go on from where it was.
    fn attempts(&mut self, kind: Kind) -> Outcome<Ran> {
        let checkpoint = self.workspace.target.join("soak/checkpoint");
        remove(&checkpoint)?;
        let pace = self.pace();
        let kills = if kind.is_killed() {
            self.draw.among(1..=MAX_KILLS)
        } else {
            0
        };
        let mut ran = Ran {
            last: Attempt::default(),
            kills: 0,
            wall: Duration::ZERO,
            peak_bytes: 0,
            listing: Listing::new(),
            output: Vec::new(),
            shown: String::new(),
        };
        loop {
            let mut command = self.keypace(kind, &pace);
            if kind.is_killed() {
                command.arg("--checkpoint").arg(&checkpoint);
                // Killed before its first checkpoint, it has no place to go on from.
                if checkpoint.exists() {
                    command.arg("--resume").arg(&checkpoint);
                }
            }
            ran.shown = shell::show(&command);
            let kill_after = (ran.kills < kills).then(|| self.draw.pause_ms(KILL_AFTER_MS));
            ran.output.clear();
            ran.listing.cut();
            let (listing, output) = (&mut ran.listing, &mut ran.output);
            let is_listing = kind.words()[0] == "scan";
            let mut feed = |bytes: &[u8]| {
                if is_listing {
                    listing.feed(bytes);
                } else {
                    attempt::keep(output, bytes);
                }
            };
            ran.last = Attempt::run(command, kill_after, &mut feed)?;
            ran.wall += ran.last.wall;
            ran.peak_bytes = ran.peak_bytes.max(ran.last.peak_bytes);
            if ran.last.code.is_some() {
                return Ok(ran);
            }
            ran.kills += 1;
        }
    }

    /// Slow enough in most runs that something befalls the cluster meanwhile.
    fn pace(&mut self) -> Vec<&'static str> {
        let mut words = vec!["--budget", self.draw.pick(&["off", "1ms"])];
        words.extend(
            self.draw
                .pick::<&[&str]>(&[&[], &["--rate", "20000"], &["--rate", "60000"]]),
        );
        words.extend(
            self.draw
                .pick::<&[&str]>(&[&[], &["--count", "50"], &["--count", "500"]]),
        );
        words.extend(self.draw.pick::<&[&str]>(&[&[], &[], &["--lanes", "4"]]));
        words
    }

    /// Given all nodes that there are: one of them may be away.
    fn keypace(&self, kind: Kind, pace: &[&str]) -> Command {
        let mut command = self.workspace.keypace(&self.workspace.debug("keypace"));
        for url in self.shared.urls() {
            command.args(["--url", &url]);
        }
        command
            .args(pace)
            .args(["--progress", "none"])
            .args(kind.words());
        command
    }

    fn check(&mut self, kind: Kind, ran: &Ran, before: u64, since: Duration) -> Result<(), String> {
        let ending = judge::ending(ran.last.code, &ran.last.stderr)?;
        let summary = match (kind.words()[0], ending) {
            ("scan", _) | (_, Ending::Refused) => None,
            _ => Some(attempt::summary(&ran.output)?),
        };
        let mut surplus = ran.listing.stable.repeated();
        match (kind, &summary) {
            (Kind::List | Kind::ListExact | Kind::ListKilled, _) => {
                judge::listing(ending, kind == Kind::ListExact, &ran.listing)?;
            }
            (Kind::Count | Kind::CountKilled, Some(summary)) => {
                surplus = judge::count(ending, summary, self.surplus_limit)?;
            }
            (Kind::Count | Kind::CountKilled, None) => {}
            (Kind::Delete | Kind::DeleteKilled, summary) => {
                let was_forced = self.shared.was_forced_since(since);
                let after = Census::take(&self.shared.cluster(), DOOMED_KEYS);
                let after = after.map_err(|failure| failure.to_string())?;
                let was_killed = ran.kills > 0;
                let facts = Deletion {
                    before,
                    after: &after,
                    was_killed,
                    was_forced,
                };
                judge::delete(ending, summary.as_ref(), &facts)?;
            }
        }
        self.note(kind, ending, ran, surplus, summary.as_ref());
        Ok(())
    }

    fn note(
        &mut self,
        kind: Kind,
        ending: Ending,
        ran: &Ran,
        surplus: u64,
        summary: Option<&Value>,
    ) {
        if ending != Ending::Complete {
            let at = self.shared.begun.elapsed().as_secs_f64();
            let words = ran.last.last_words().replace('\n', "\n              ");
            println!("{at:8.1} s  {} ended {ending:?}: {words}", kind.name());
        }
        let entry = Entry {
            ending,
            kills: ran.kills,
            surplus,
            wall: ran.wall,
            peak_bytes: ran.peak_bytes,
            summary,
        };
        self.books.add(kind.name(), &entry);
    }
}

fn remove(checkpoint: &PathBuf) -> Outcome {
    match fs::remove_file(checkpoint) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!(
            "failed to remove {}: {error}",
            checkpoint.display()
        ))),
        _ => Ok(()),
    }
}
