//! What a run must have done, given how it ended. Must not run anything: facts in, a finding out.

use serde_json::Value;

use super::families::{Listing, NEAR_KEYS, STABLE_KEYS};
use super::ledger::{Invariant, Ledger};
use super::witness::{Census, Values};

/// SCAN may return a key twice while a table changes its size. With a table for each slot that is a few keys; a part
/// that is counted twice is more.
pub(super) const SURPLUS_BY_SLOT: u64 = STABLE_KEYS / 100;
/// With one table it is up to a page each time, and there are pages of 2,000 keys: 555 keys were seen.
pub(super) const SURPLUS_BY_NODE: u64 = STABLE_KEYS / 20;
/// What a rate lets go at once, and a tenth of a second for the clock's own grain.
const RATE_BURST_MS: u64 = 200;
/// What the guard on slots without an owner says: for as long as an election takes, a run may be told so.
const UNSERVED: &str = "nobody serves";

/// How a run ended, by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Complete,
    /// A part was not walked, and it says so.
    Incomplete,
    /// It did not begin: no connection, or slots that nobody serves.
    Refused,
}

/// Exit codes that faults may cause; any other is a finding.
pub(super) fn ending(code: Option<i32>, stderr: &str) -> Result<Ending, String> {
    match code {
        Some(0) => Ok(Ending::Complete),
        Some(1) => Ok(Ending::Incomplete),
        Some(3) => Ok(Ending::Refused),
        Some(4) if stderr.contains(UNSERVED) => Ok(Ending::Refused),
        Some(code) => Err(format!("it ended with code {code}")),
        None => Err("it was killed, and not by us".to_owned()),
    }
}

/// A listing: of the stable keys none is missing, and nothing else is there.
pub(super) fn listing(
    ending: Ending,
    is_exact: bool,
    listing: &Listing,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let stable = &listing.stable;
    let stranger = (listing.stranger.as_ref())
        .map(|name| format!("it listed {:?}", String::from_utf8_lossy(name)));
    ledger.check(Invariant::NothingElse, stable.distinct(), stranger)?;
    if ending != Ending::Complete {
        return Ok(());
    }
    let missed = (stable.missing() > 0).then(|| {
        format!(
            "it missed {} of {STABLE_KEYS} keys and says that it is complete, the first {:?}",
            stable.missing(),
            stable.first_missing()
        )
    });
    ledger.check(Invariant::WalkComplete, STABLE_KEYS, missed)?;
    if !is_exact {
        return Ok(());
    }
    let twice = (stable.repeated() > 0)
        .then(|| format!("it listed {} keys twice with --exact", stable.repeated()));
    ledger.check(Invariant::WalkExact, STABLE_KEYS, twice)
}

/// A count of the stable keys and of those that are nearly doomed; how many too many, of those that
/// SCAN may have returned twice.
pub(super) fn count(
    ending: Ending,
    summary: &Value,
    surplus_limit: u64,
    ledger: &mut Ledger,
) -> Result<u64, String> {
    agrees(ending, summary, ledger)?;
    let mut surplus = 0;
    for (place, keys) in [STABLE_KEYS, NEAR_KEYS].into_iter().enumerate() {
        let matched = figure(&summary["by_pattern"][place], "matched")?;
        surplus += matched.saturating_sub(keys);
        if ending != Ending::Complete {
            continue;
        }
        let is_off = !(keys..=keys + surplus_limit).contains(&matched);
        let broken = is_off
            .then(|| format!("it counted {matched} of {keys} keys and says that it is complete"));
        ledger.check(Invariant::WalkComplete, keys, broken)?;
    }
    Ok(surplus)
}

/// What is known of a delete beside its own Summary.
#[derive(Debug)]
pub(super) struct Deletion<'a> {
    /// Keys to be deleted before it.
    pub(super) before: u64,
    pub(super) after: &'a Census,
    /// It was killed and resumed: what it did after its last checkpoint is in no Summary.
    pub(super) was_killed: bool,
    /// A primary was replaced by force meanwhile: a key may have been deleted once on either.
    pub(super) was_forced: bool,
}

/// A delete: all that it was to delete is gone where it says so, nothing else ever, and its figures add up.
pub(super) fn delete(
    ending: Ending,
    summary: Option<&Value>,
    facts: &Deletion<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    unlost(facts.after, ledger)?;
    let left = facts.after.sown.distinct();
    if ending == Ending::Complete {
        let broken = (left > 0).then(|| {
            format!(
                "it left {left} of {} keys and says that it is complete, {}",
                facts.before, facts.after
            )
        });
        ledger.check(Invariant::DeleteComplete, facts.before, broken)?;
    }
    let Some(summary) = summary else {
        return Ok(());
    };
    agrees(ending, summary, ledger)?;
    let accounted = accounted(ending, summary, facts);
    let checked = if ending == Ending::Complete {
        facts.before
    } else {
        0
    };
    ledger.check(Invariant::CountedOnce, checked, accounted.err())
}

/// Keys that no run may touch are all there.
pub(super) fn unlost(census: &Census, ledger: &mut Ledger) -> Result<(), String> {
    let keys = STABLE_KEYS + NEAR_KEYS;
    ledger.check(Invariant::NothingLost, keys, census.lost())
}

fn accounted(ending: Ending, summary: &Value, facts: &Deletion<'_>) -> Result<(), String> {
    let of = |field| figure(summary, field);
    let deleted = of("deleted")?;
    let parts = deleted + of("already_gone")? + of("skipped")? + of("failed")? + of("unknown")?;
    if of("matched")? != parts {
        return Err(format!(
            "matched is {}, and its parts are {parts}",
            of("matched")?
        ));
    }
    if deleted > facts.before && !facts.was_forced {
        return Err(format!("it deleted {deleted} of {} keys", facts.before));
    }
    if ending == Ending::Complete && !facts.was_killed && parts < facts.before {
        return Err(format!("it accounts for {parts} of {} keys", facts.before));
    }
    Ok(())
}

/// After everything was brought back from a backup: each key has the value that it had.
pub(super) fn restored(
    before: &Values,
    after: &Values,
    keys: u64,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let missing = (after.right < keys).then(|| {
        format!(
            "{} of {keys} values are neither on the server nor in the backup; before the restore {} were on the server",
            after.missing, before.right
        )
    });
    let broken = after.wrong.clone().or(missing);
    ledger.check(Invariant::HeldSomewhere, keys, broken)
}

/// What a job says that it deleted, against what is gone of so many keys. A primary that was replaced by force may have
/// acknowledged a delete that is lost with it.
pub(super) fn told_by_job(
    told: u64,
    facts: &Deletion<'_>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let gone = facts.before - facts.after.sown.distinct();
    let is_right = facts.was_forced || told <= gone;
    let broken = (!is_right).then(|| format!("it says that {told} keys went, and {gone} are gone"));
    ledger.check(Invariant::JobsTellTruth, facts.before, broken)
}

/// What a run was told of its pace, in words of the command line's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// None for `--budget off`.
    pub(super) budget_us: Option<u64>,
    pub(super) rate: Option<u64>,
}

/// It worked under the budget that it was given, and handed out no more keys a second than it may. How long others waited is
/// the benchmarks' to say: here they wait for the faults.
pub(super) fn pace(told: Told, summary: &Value, ledger: &mut Ledger) -> Result<(), String> {
    let budget_us = summary["pace"]["budget_us"].as_u64();
    let mut broken = (budget_us != told.budget_us)
        .then(|| format!("its budget is {budget_us:?} us, and was to be {told:?}"));
    if let Some(rate) = told.rate {
        let (keys, elapsed_ms) = (figure(summary, "matched")?, figure(summary, "elapsed_ms")?);
        // One burst may go ahead.
        let most = rate * (elapsed_ms + RATE_BURST_MS) / 1000;
        if keys > most {
            broken = Some(format!(
                "{keys} keys in {elapsed_ms} ms are more than {rate} a second"
            ));
        }
    }
    ledger.check(Invariant::Budget, 1, broken)
}

/// The exit code and the Summary say the same.
fn agrees(ending: Ending, summary: &Value, ledger: &mut Ledger) -> Result<(), String> {
    let complete = summary["complete"].as_bool();
    let is_same = complete == Some(ending == Ending::Complete);
    let broken = (!is_same).then(|| {
        format!("its code says {ending:?}, and its Summary that complete is {complete:?}")
    });
    ledger.check(Invariant::CodeAgrees, 1, broken)
}

fn figure(of: &Value, field: &str) -> Result<u64, String> {
    of[field]
        .as_u64()
        .ok_or_else(|| format!("its Summary has no {field}"))
}

#[cfg(test)]
mod tests {
    use super::{Deletion, Ending, SURPLUS_BY_SLOT, Told, ending, pace, restored, told_by_job};
    use crate::soak::families::{DOOMED, Listing, NEAR, NEAR_KEYS, STABLE, STABLE_KEYS, Tally};
    use crate::soak::ledger::Ledger;
    use crate::soak::witness::{Census, Values};
    use serde_json::{Value, json};

    fn names(prefix: &[u8], keys: u64) -> impl Iterator<Item = Vec<u8>> {
        (0..keys).map(move |number| [prefix, number.to_string().as_bytes()].concat())
    }

    fn tally(prefix: &'static [u8], keys: u64, seen: u64) -> Tally {
        let mut tally = Tally::new(prefix, keys);
        names(prefix, seen).for_each(|name| assert!(tally.note(&name)));
        tally
    }

    fn census(stable: u64, doomed: u64) -> Census {
        Census {
            stable: tally(STABLE, STABLE_KEYS, stable),
            near: tally(NEAR, NEAR_KEYS, NEAR_KEYS),
            sown: tally(DOOMED, 100, doomed),
        }
    }

    fn listing(ending: Ending, is_exact: bool, listed: &Listing) -> Result<(), String> {
        super::listing(ending, is_exact, listed, &mut Ledger::default())
    }

    fn count(ending: Ending, summary: &Value, surplus_limit: u64) -> Result<u64, String> {
        super::count(ending, summary, surplus_limit, &mut Ledger::default())
    }

    fn summary(complete: bool, deleted: u64, gone: u64) -> Value {
        json!({
            "complete": complete, "matched": deleted + gone, "deleted": deleted, "already_gone": gone,
            "skipped": 0, "failed": 0, "unknown": 0,
        })
    }

    #[test]
    fn codes_are_told_apart() {
        assert_eq!(ending(Some(0), ""), Ok(Ending::Complete));
        assert_eq!(ending(Some(1), ""), Ok(Ending::Incomplete));
        assert_eq!(
            ending(Some(4), "nobody serves slots 1-5"),
            Ok(Ending::Refused)
        );
        for (code, stderr) in [(Some(4), "no"), (Some(101), ""), (Some(2), ""), (None, "")] {
            assert!(ending(code, stderr).is_err(), "{code:?}");
        }
    }

    #[test]
    fn a_planted_listing_that_misses_a_key_is_found() {
        let listed = |keys| {
            let mut listing = Listing::new();
            names(STABLE, keys).for_each(|name| listing.feed(&[&name[..], b"\0"].concat()));
            listing
        };
        assert_eq!(
            listing(Ending::Complete, true, &listed(STABLE_KEYS)),
            Ok(())
        );
        let part = listed(STABLE_KEYS - 1);
        listing(Ending::Complete, false, &part).expect_err("a key is missing");
        assert_eq!(listing(Ending::Incomplete, false, &part), Ok(()));
        let mut twice = listed(STABLE_KEYS);
        twice.feed(&[STABLE, b"7\0"].concat());
        assert_eq!(listing(Ending::Complete, false, &twice), Ok(()));
        listing(Ending::Complete, true, &twice).expect_err("a key came twice");
        twice.feed(b"churn:1\0");
        listing(Ending::Incomplete, false, &twice).expect_err("it was not asked for");
    }

    #[test]
    fn a_planted_count_that_is_off_is_found() {
        let counted = |stable: u64, complete: bool| {
            let by_pattern = json!([{ "matched": stable }, { "matched": NEAR_KEYS }]);
            let ending = if complete {
                Ending::Complete
            } else {
                Ending::Incomplete
            };
            count(
                ending,
                &json!({ "complete": complete, "by_pattern": by_pattern }),
                SURPLUS_BY_SLOT,
            )
        };
        assert_eq!(counted(STABLE_KEYS, true), Ok(0));
        assert_eq!(counted(STABLE_KEYS + 3, true), Ok(3));
        assert_eq!(counted(10, false), Ok(0));
        counted(STABLE_KEYS - 1, true).expect_err("one is missing");
        counted(STABLE_KEYS + SURPLUS_BY_SLOT + 1, true).expect_err("a part is counted twice");
        let other = json!({ "complete": false, "by_pattern": [] });
        count(Ending::Complete, &other, SURPLUS_BY_SLOT).expect_err("code and Summary differ");
    }

    #[test]
    fn a_planted_delete_that_is_off_is_found() {
        let judge = |ending, after: &Census, said: &Value, was_forced| {
            let facts = Deletion {
                before: 100,
                after,
                was_killed: false,
                was_forced,
            };
            super::delete(ending, Some(said), &facts, &mut Ledger::default())
        };
        let (gone, left) = (census(STABLE_KEYS, 0), census(STABLE_KEYS, 1));
        let (done, part) = (summary(true, 90, 10), summary(false, 90, 0));
        assert_eq!(judge(Ending::Complete, &gone, &done, false), Ok(()));
        assert_eq!(judge(Ending::Incomplete, &left, &part, false), Ok(()));
        judge(Ending::Complete, &left, &done, false).expect_err("a key is left");
        judge(Ending::Complete, &gone, &summary(true, 90, 0), false)
            .expect_err("ten are unaccounted for");
        judge(Ending::Complete, &gone, &summary(true, 101, 0), false).expect_err("one too many");
        assert_eq!(
            judge(Ending::Complete, &gone, &summary(true, 101, 0), true),
            Ok(())
        );
        let lost = census(STABLE_KEYS - 1, 0);
        judge(Ending::Incomplete, &lost, &part, true).expect_err("a stable key is gone");
        let mut odd = done.clone();
        odd["matched"] = 99.into();
        judge(Ending::Complete, &gone, &odd, false).expect_err("it doesn't add up");
    }

    #[test]
    fn a_planted_run_that_is_too_fast_is_found() {
        let told = Told {
            budget_us: Some(1000),
            rate: Some(20_000),
        };
        let judge = |budget_us: u64, keys: u64| {
            let summary =
                json!({ "pace": { "budget_us": budget_us }, "matched": keys, "elapsed_ms": 1000 });
            pace(told, &summary, &mut Ledger::default())
        };
        assert_eq!(judge(1000, 20_000), Ok(()));
        judge(250, 20_000).expect_err("it was another budget");
        judge(1000, 30_000).expect_err("it was faster than it may");
    }

    #[test]
    fn a_planted_value_that_is_lost_or_another_is_found() {
        let values = |right, missing, wrong: Option<&str>| Values {
            right,
            missing,
            wrong: wrong.map(str::to_owned),
        };
        let judge =
            |after: &Values| restored(&values(0, 9, None), after, 9, &mut Ledger::default());
        assert_eq!(judge(&values(9, 0, None)), Ok(()));
        judge(&values(8, 1, None)).expect_err("a value is lost");
        judge(&values(8, 0, Some("key 1 is another"))).expect_err("a value is another");
    }

    #[test]
    fn a_planted_job_that_says_too_much_is_found() {
        let after = census(STABLE_KEYS, 40);
        let judge = |told, was_forced| {
            let facts = Deletion {
                before: 100,
                after: &after,
                was_killed: false,
                was_forced,
            };
            told_by_job(told, &facts, &mut Ledger::default())
        };
        assert_eq!(judge(60, false), Ok(()));
        assert_eq!(judge(61, true), Ok(()));
        judge(61, false).expect_err("one that it says went is there");
    }
}
