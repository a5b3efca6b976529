//! What must hold, by name, with how much was looked at for it and what was found broken. Must not look itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One promise of keypace's, or of what it is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invariant {
    PlantSeen,
    WalkComplete,
    WalkExact,
    NothingElse,
    NothingLost,
    DeleteComplete,
    CountedOnce,
    CodeAgrees,
    HeldSomewhere,
    ListIsModel,
    NoDrift,
    JobsEnd,
    JobsTellTruth,
    Budget,
    Bounds,
    NoLeak,
}

impl Invariant {
    pub(super) const ALL: [Self; 16] = [
        Self::PlantSeen,
        Self::WalkComplete,
        Self::WalkExact,
        Self::NothingElse,
        Self::NothingLost,
        Self::DeleteComplete,
        Self::CountedOnce,
        Self::CodeAgrees,
        Self::HeldSomewhere,
        Self::ListIsModel,
        Self::NoDrift,
        Self::JobsEnd,
        Self::JobsTellTruth,
        Self::Budget,
        Self::Bounds,
        Self::NoLeak,
    ];

    /// As the report has it.
    pub(super) fn name(self) -> &'static str {
        self.texts().0
    }

    /// What a finding's text begins with.
    pub(super) fn broken(self) -> String {
        format!("BROKEN {}", self.name())
    }

    /// Its name, and what is counted for it.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::PlantSeen => ("a planted bug is seen", "kinds of run"),
            Self::WalkComplete => ("walk complete", "keys"),
            Self::WalkExact => ("listed once with --exact", "keys"),
            Self::NothingElse => ("nothing listed that was not asked for", "keys"),
            Self::NothingLost => ("no key lost outside the pattern", "keys"),
            Self::DeleteComplete => ("a delete that says complete left nothing", "keys"),
            Self::CountedOnce => ("every deleted key counted once or named", "keys"),
            Self::CodeAgrees => ("exit code and Summary say the same", "runs"),
            Self::HeldSomewhere => ("backup or server holds each value", "keys"),
            Self::ListIsModel => ("records: list equals model", "records"),
            Self::NoDrift => ("records: index drift 0", "records"),
            Self::JobsEnd => ("jobs: each ends, the service killed or not", "jobs"),
            Self::JobsTellTruth => ("jobs: report equals the server", "keys"),
            Self::Budget => ("budget as asked, no run faster than its rate", "runs"),
            Self::Bounds => ("every process within its memory and time", "processes"),
            Self::NoLeak => ("no leaked connection", "connections"),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    checked: u64,
    broken: u64,
}

/// Every invariant's line.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    lines: BTreeMap<Invariant, Line>,
}

impl Ledger {
    /// Notes that so much was looked at, and what was found broken, if anything: then it is an error, by the invariant's name.
    pub(super) fn check(
        &mut self,
        invariant: Invariant,
        checked: u64,
        broken: Option<String>,
    ) -> Result<(), String> {
        let line = self.lines.entry(invariant).or_default();
        line.checked += checked;
        let Some(broken) = broken else { return Ok(()) };
        line.broken += 1;
        Err(format!("{}: {broken}", invariant.broken()))
    }

    /// The same of another server.
    pub(super) fn add(&mut self, other: &Self) {
        for (invariant, line) in &other.lines {
            let own = self.lines.entry(*invariant).or_default();
            own.checked += line.checked;
            own.broken += line.broken;
        }
    }

    /// What nothing was looked at for: it was not shown to hold.
    pub(super) fn unseen(&self) -> Vec<&'static str> {
        let is_unseen = |invariant: &Invariant| {
            let line = self.lines.get(invariant);
            line.is_none_or(|line| line.checked == 0)
        };
        let unseen = Invariant::ALL.into_iter().filter(is_unseen);
        unseen.map(Invariant::name).collect()
    }

    /// The same without what is looked at only when all work has ended.
    pub(super) fn unseen_but_at_the_end(&self) -> Vec<&'static str> {
        let mut unseen = self.unseen();
        let at_the_end = [Invariant::NoDrift, Invariant::NoLeak].map(Invariant::name);
        unseen.retain(|name| !at_the_end.contains(name));
        unseen
    }

    /// A line for each invariant.
    pub(super) fn report(&self) -> String {
        let mut text = String::from("invariants\n");
        for invariant in Invariant::ALL {
            let line = self.lines.get(&invariant).cloned().unwrap_or_default();
            let (name, unit) = invariant.texts();
            let seen = if line.checked == 0 && line.broken == 0 {
                "not seen".to_owned()
            } else {
                let checked = with_commas(line.checked);
                format!("{checked} {unit} checked, {} broken", line.broken)
            };
            // A String takes every write.
            let _ = writeln!(text, "  {name}: {seen}");
        }
        text
    }
}

/// `41203` as `41,203`.
pub(super) fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Invariant, Ledger, with_commas};

    #[test]
    fn what_was_looked_at_is_counted_and_what_was_not_is_named() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.check(Invariant::NothingLost, 41_203, None), Ok(()));
        assert_eq!(ledger.unseen().len(), Invariant::ALL.len() - 1);
        let said = ledger.check(Invariant::WalkComplete, 10, Some("it missed 2".to_owned()));
        assert_eq!(said, Err("BROKEN walk complete: it missed 2".to_owned()));
        let report = ledger.report();
        for line in [
            "  no key lost outside the pattern: 41,203 keys checked, 0 broken",
            "  walk complete: 10 keys checked, 1 broken",
            "  records: index drift 0: not seen",
        ] {
            assert!(report.lines().any(|one| one == line), "{line}: {report}");
        }
    }

    #[test]
    fn what_was_looked_at_for_nothing_is_not_seen() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.check(Invariant::NoDrift, 0, None), Ok(()));
        assert!(ledger.unseen().contains(&Invariant::NoDrift.name()));
        let mut other = Ledger::default();
        assert_eq!(other.check(Invariant::NoDrift, 3, None), Ok(()));
        ledger.add(&other);
        assert!(!ledger.unseen().contains(&Invariant::NoDrift.name()));
    }

    #[test]
    fn every_invariant_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            Invariant::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Invariant::ALL.len());
    }

    #[test]
    fn numbers_are_cut_in_threes() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(with_commas(number), text);
        }
    }
}
