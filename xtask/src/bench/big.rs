//! Large values among small keys: the budget has to hold for what a key costs, not for how many keys there are.
//! Must not hide what no client can split: it is deleted too, and has to be counted.

use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{Probe, Raw};
use serde_json::Value;

use super::beside::{self, Seen};
use super::figures::{Row, Unit, Verdict, column, median};
use super::ground::Ground;
use super::promise::{MILLISECOND, excess, plain, row};
use super::rounds;
use super::setting::Setting;
use crate::failure::Outcome;

const IDLE: Duration = Duration::from_secs(2);
/// Lists of 1 MiB: 1,024 elements of 1 KiB, which is 128 nodes to free each.
const LISTS: u64 = 200;
const LIST_ELEMENTS: usize = 1024;
const LIST_ELEMENT_BYTES: usize = 1024;
const SETS: u64 = 20;
const SET_MEMBERS: u64 = 100_000;
/// Freed by the server's own thread, as a string is one allocation: 5 to 8 ms for each, whoever asks (P32d).
const STRINGS: u64 = 3;
const STRING_BYTES: usize = 64 << 20;
/// Between two sets where nothing else is deleted: longer than one takes to be freed, so that no two queue up.
const BETWEEN_SETS: Duration = Duration::from_millis(25);
/// Members in one SADD: the seeding should not take long, and need not be gentle.
const SET_BATCH: u64 = 1000;

#[derive(Clone, Copy, Debug)]
enum Way {
    Idle,
    /// The sets one by one, by a client that does nothing else: what freeing them costs whoever asks for it.
    SetsAlone,
    WithoutStrings,
    WithStrings,
}

/// A row without and one with the strings that can't be split.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut ground = Ground::start(setting.program, setting.keys / 2, 0)?;
    // The first delete meets a table that no delete has touched; all that count meet one that was filled again.
    super::process::wall(setting.floor("delete", &ground.url()))?;
    let ways = [
        Way::Idle,
        Way::SetsAlone,
        Way::WithoutStrings,
        Way::WithStrings,
    ];
    let seen = rounds::alternate("big", setting.rounds, &ways, |way| {
        if matches!(way, Way::Idle) {
            return beside::idle(ground.endpoint(), IDLE);
        }
        if matches!(way, Way::SetsAlone) {
            return sets_alone(&mut ground);
        }
        ground.refill()?;
        lists(ground.raw())?;
        sets(ground.raw())?;
        if matches!(way, Way::WithStrings) {
            strings(ground.raw())?;
        }
        ground.settle()?;
        let delete = setting.delete(&ground.url(), MILLISECOND.text);
        let seen = beside::run(ground.endpoint(), vec![delete])?;
        ground.expect_gone(&format!("{way:?}"))?;
        ground.settle()?;
        Ok(seen)
    })?;
    ground.stop()?;
    let [idle, alone, without, with] = seen.as_slice() else {
        return Ok(Vec::new());
    };
    let keys = setting.keys / 2 + LISTS + SETS;
    let paces = with
        .iter()
        .map(|seen| seen.said().map(|said| said["pace"].clone()));
    let paces = paces.collect::<Outcome<Vec<Value>>>()?;
    let over_budget = median(&column(&paces, "over_budget"));
    Ok(vec![
        plain("idle", idle),
        plain(
            "20 sets of 100,000, an UNLINK each 25 ms, nothing else",
            alone,
        ),
        row("200 lists of 1 MiB, 20 sets of 100,000", keys, without)?.with_verdict(excess(
            without,
            idle,
            MILLISECOND,
        )),
        row("the same and 3 strings of 64 MiB", keys + STRINGS, with)?
            .with_verdict(excess(with, idle, MILLISECOND))
            .with_verdict(Verdict::at_least(
                "waits counted as over budget, of 3 strings",
                over_budget,
                STRINGS as f64,
                Unit::Count,
            )),
    ])
}

/// The probe beside one UNLINK for each set.
fn sets_alone(ground: &mut Ground) -> Outcome<Seen> {
    sets(ground.raw())?;
    ground.settle()?;
    let probe = Probe::start(ground.endpoint(), beside::PROBE_INTERVAL)?;
    probe.reset();
    let begun = Instant::now();
    for number in 0..SETS {
        let name = set_name(number);
        ground
            .raw()
            .command(&[b"UNLINK", name.as_bytes()])?
            .checked()?;
        thread::sleep(BETWEEN_SETS);
    }
    let seen = Seen::of(begun.elapsed(), probe.stop()?);
    ground.settle()?;
    Ok(seen)
}

fn lists(raw: &mut Raw) -> Outcome {
    let element = vec![b'e'; LIST_ELEMENT_BYTES];
    for number in 0..LISTS {
        let name = format!("session:list:{number}");
        let mut words: Vec<&[u8]> = vec![b"RPUSH", name.as_bytes()];
        words.extend(std::iter::repeat_n(element.as_slice(), LIST_ELEMENTS));
        raw.command(&words)?.checked()?;
    }
    Ok(())
}

fn sets(raw: &mut Raw) -> Outcome {
    for number in 0..SETS {
        let name = set_name(number);
        for first in (0..SET_MEMBERS).step_by(SET_BATCH as usize) {
            let members: Vec<String> = (first..first + SET_BATCH)
                .map(|member| format!("member:{member}"))
                .collect();
            let mut words: Vec<&[u8]> = vec![b"SADD", name.as_bytes()];
            words.extend(members.iter().map(String::as_bytes));
            raw.command(&words)?.checked()?;
        }
    }
    Ok(())
}

fn set_name(number: u64) -> String {
    format!("session:set:{number}")
}

fn strings(raw: &mut Raw) -> Outcome {
    let value = vec![b's'; STRING_BYTES];
    for number in 0..STRINGS {
        let name = format!("session:string:{number}");
        raw.command(&[b"SET", name.as_bytes(), &value])?.checked()?;
    }
    Ok(())
}
