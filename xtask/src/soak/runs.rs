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
use super::families::{Family, Listing};
use super::judge::{self, Deletion, Ending};
use super::kinds::{KINDS, Kind};
use super::ledger::Invariant;
use super::pace::Pace;
use super::undo;
use super::witness::{self, Census};
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// SIGKILLs of one run; then it is let be.
const MAX_KILLS: u64 = 4;
/// A checkpoint is written every half second, and a run takes seconds.
const KILL_AFTER_MS: std::ops::RangeInclusive<u64> = 100..=2500;
/// A half-open connection is given up after this; less than most faults and more than most stalls of a busy machine.
pub(super) const TIMEOUT: &str = "4s";

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
    /// The files that it was told to save to, in order.
    backups: Vec<PathBuf>,
}

/// The one who runs them.
pub(super) struct Runner<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) shared: &'a Shared,
    /// Where checkpoints and backups go.
    pub(super) folder: PathBuf,
    pub(super) config: PathBuf,
    pub(super) draw: Draw,
    pub(super) books: Books,
    /// Keys that SCAN may return twice on this server.
    pub(super) surplus_limit: u64,
    /// Names that every run is told to leave out: a planted bug, else none.
    pub(super) planted: Vec<String>,
}

impl Runner<'_> {
    /// Runs until `deadline`, and then until `is_enough`, or until the faults can't go on.
    pub(super) fn run(&mut self, deadline: Instant, is_enough: &dyn Fn() -> bool) -> Outcome {
        loop {
            for kind in self.draw.shuffled(&KINDS) {
                let is_over = Instant::now() >= deadline && is_enough();
                if is_over || self.shared.is_stopping() {
                    return Ok(());
                }
                self.one(kind)?;
            }
        }
    }

    pub(super) fn one(&mut self, kind: Kind) -> Outcome {
        if let Some(family) = kind.deletes() {
            self.sow(kind, family)?;
        }
        let since = self.shared.begun.elapsed();
        let pace = Pace::draw(&mut self.draw);
        let ran = self.attempts(kind, &pace)?;
        let found = self.check(kind, &ran, &pace, since);
        found.map_err(|found| {
            Failure::new(format!(
                "{} begun at {:.1} s: {found}\n{}\n{}\n{}",
                kind.name(),
                since.as_secs_f64(),
                ran.shown,
                ran.last.last_words(),
                String::from_utf8_lossy(&ran.output)
            ))
        })?;
        match kind.deletes() {
            Some(family) if kind.is_undone() => undo::undo(self, &ran.backups, family),
            _ => Ok(()),
        }
    }

    /// Writes the keys that are to be deleted while nothing befalls the cluster.
    fn sow(&self, kind: Kind, family: Family) -> Outcome {
        let cluster = self.shared.cluster();
        if kind.is_undone() {
            witness::sow_values(&cluster, family)?;
        } else {
            cluster.seed_strings(family.prefix, 0..family.keys, super::VALUE_BYTES)?;
        }
        let census = Census::take(&cluster, family)?;
        match census.sown.missing() {
            0 => Ok(()),
            missing => Err(Failure::new(format!(
                "the lab lost {missing} keys just written"
            ))),
        }
    }

    /// Kills it now and then where it is one to be killed, and has it go on from where it was.
    fn attempts(&mut self, kind: Kind, pace: &Pace) -> Outcome<Ran> {
        let checkpoint = self.folder.join("checkpoint");
        remove(&checkpoint)?;
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
            backups: Vec::new(),
        };
        loop {
            let command = self.typed(kind, pace, &checkpoint, &mut ran)?;
            ran.shown = shell::show(&command);
            let kill_after = (ran.kills < kills).then(|| self.draw.pause_ms(KILL_AFTER_MS));
            ran.output.clear();
            ran.listing.cut();
            let (listing, output) = (&mut ran.listing, &mut ran.output);
            let mut feed = |bytes: &[u8]| {
                if kind.is_listing() {
                    listing.feed(bytes);
                } else {
                    attempt::keep(output, bytes);
                }
            };
            ran.last = Attempt::run(command, kill_after, &mut feed)?;
            let trouble = ran.last.trouble.clone();
            let within = self.shared.ledger().check(Invariant::Bounds, 1, trouble);
            within.map_err(Failure::new)?;
            ran.wall += ran.last.wall;
            ran.peak_bytes = ran.peak_bytes.max(ran.last.peak_bytes);
            if ran.last.code.is_some() {
                return Ok(ran);
            }
            ran.kills += 1;
        }
    }

    /// The whole command line of one attempt.
    fn typed(
        &self,
        kind: Kind,
        pace: &Pace,
        checkpoint: &PathBuf,
        ran: &mut Ran,
    ) -> Outcome<Command> {
        let mut command = self.command(&pace.words);
        command.args(kind.words());
        for name in &self.planted {
            command.args(["--exclude", name]);
        }
        // Killed before its first checkpoint, it has no place to go on from, and needs another file.
        let goes_on = kind.is_killed() && checkpoint.exists();
        if kind.is_killed() {
            command.arg("--checkpoint").arg(checkpoint);
        }
        if goes_on {
            command.arg("--resume").arg(checkpoint);
        }
        if kind.is_undone() {
            if !goes_on {
                let name = format!("backup-{}.kpb", ran.backups.len());
                let file = self.folder.join(name);
                remove(&file)?;
                ran.backups.push(file);
            }
            if let Some(file) = ran.backups.last() {
                command.arg("--backup").arg(file);
            }
        }
        Ok(command)
    }

    /// keypace with these flags, given all nodes that there are: one of them may be away.
    pub(super) fn command(&self, flags: &[String]) -> Command {
        let mut command = self.workspace.keypace(&self.workspace.debug("keypace"));
        command.arg("--config").arg(&self.config);
        for url in self.shared.urls() {
            command.args(["--url", &url]);
        }
        command
            .args(flags)
            .args(["--progress", "none", "--timeout", TIMEOUT]);
        command
    }

    fn check(&mut self, kind: Kind, ran: &Ran, pace: &Pace, since: Duration) -> Result<(), String> {
        let ending = judge::ending(ran.last.code, &ran.last.stderr)?;
        let has_summary = !kind.is_listing() && ending != Ending::Refused;
        let summary = has_summary
            .then(|| attempt::summary(&ran.output))
            .transpose()?;
        let mut surplus = ran.listing.stable.repeated();
        match (kind.deletes(), &summary) {
            (Some(family), summary) => {
                let after = Census::take(&self.shared.cluster(), family);
                let after = after.map_err(|failure| failure.to_string())?;
                let facts = Deletion {
                    before: family.keys,
                    after: &after,
                    was_killed: ran.kills > 0,
                    was_forced: self.shared.was_forced_since(since),
                };
                let mut ledger = self.shared.ledger();
                judge::delete(ending, summary.as_ref(), &facts, &mut ledger)?;
            }
            (None, _) if kind.is_listing() => {
                let is_exact = kind == Kind::ListExact;
                let mut ledger = self.shared.ledger();
                judge::listing(ending, is_exact, &ran.listing, &mut ledger)?;
            }
            (None, Some(summary)) => {
                let mut ledger = self.shared.ledger();
                surplus = judge::count(ending, summary, self.surplus_limit, &mut ledger)?;
            }
            (None, None) => {}
        }
        if let Some(summary) = summary.as_ref().filter(|_| ran.kills == 0) {
            judge::pace(pace.told, summary, &mut self.shared.ledger())?;
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

fn remove(file: &PathBuf) -> Outcome {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!(
            "failed to remove {}: {error}",
            file.display()
        ))),
        _ => Ok(()),
    }
}
