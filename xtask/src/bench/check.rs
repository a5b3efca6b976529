//! `bench --check`: a fresh document against the kept one of the same group and server, and what grew.
//! Must not look at an absolute time, nor measure anything: two documents in, findings out.

use serde_json::Value;

use super::figures::median;
use super::rank;

/// A ratio may grow by a tenth.
const RATIO_GROWTH_TIMES: f64 = 1.1;
/// A ratio has grown when its rounds, paired as they took turns, lie above the kept ones and a tenth, and chance does
/// that less often than once in twenty times.
///
/// One figure for each side can't decide this. In 31 rounds each of listing and deleting, on two servers and two
/// cores with other work on them, the walls of single rounds varied by a quarter and more. Of comparisons of 15
/// rounds with 15, drawn again from these with nothing changed, up to 32 % had the ratio of the best rounds grown by
/// over a tenth, up to 30 % that of the medians, and up to 13 % both. The rank test failed in up to 0.7 %, and in 5 %
/// where the ratio had grown by just a tenth, however noisy the row: noise takes from what it can see, and adds no
/// false alarm. It saw a growth by a quarter in 28 to 96 % of the comparisons, by row, and one by 60 % in 86 to 100 %.
const CHANCE_LIMIT: f64 = 0.05;
/// What the figures above are for. Groups that are kept with 5 rounds are measured with these all the same: a growth by
/// 60 % is then seen in 58 to 95 %.
pub(crate) const CHECK_ROUNDS: usize = 15;
/// What a check can find and how surely, for whoever reads its output or the document: the figures above.
pub(crate) const METHOD: &str = "\
    `cargo xtask bench --check` tells by a rank test over the rounds whether a ratio grew by more than a tenth: of the \
    walls of listing and deleting it finds a growth by 60 % in 86 to 100 % of comparisons and one by a quarter in 28 \
    to 96 %, with 15 rounds kept and 15 measured, and a growth by 60 % in 58 to 95 % where 5 rounds are kept.";
/// A walk's number of pages, and so of its commands and bytes, hangs on where a random hash seed puts the keys. Over 12
/// seeds it varied by at most its square root (1 to 2, 81 to 86, 7,603 to 7,670), as random counts do.
const WALK_SPREAD_ROOTS: f64 = 2.0;

/// Why a kept document has nothing that a fresh one could fail by, where it doesn't. That is no pass.
pub(crate) fn nothing_to_compare(kept: &Value) -> Option<String> {
    let has_any = |row: &Value| {
        let has_counts = row["counts"]
            .as_object()
            .is_some_and(|some| !some.is_empty());
        has_counts || !items(&row["ratios"]).is_empty() || gating(row).next().is_some()
    };
    let is_empty = !items(&kept["rows"]).iter().any(has_any);
    is_empty.then(|| {
        format!(
            "{}: nothing to compare: no count, ratio or limit that gates is kept",
            place(kept)
        )
    })
}

/// What grew, a line each: what, from what, to what.
pub(crate) fn compare(kept: &Value, fresh: &Value) -> Vec<String> {
    for field in ["group", "server", "keys"] {
        if kept[field] != fresh[field] {
            return vec![format!(
                "can't compare: kept with {field} {}, measured with {}",
                kept[field], fresh[field]
            )];
        }
    }
    if let Some(why) = nothing_to_compare(kept) {
        return vec![why];
    }
    let place = place(fresh);
    let mut found: Vec<String> = Vec::new();
    for old in items(&kept["rows"]) {
        match items(&fresh["rows"])
            .iter()
            .find(|new| new["row"] == old["row"])
        {
            Some(new) => {
                found.extend(grown_counts(old, new));
                found.extend(grown_ratios(old, new));
                found.extend(lost_limits(old, new));
            }
            None => found.push(format!(
                "{} is kept and was not measured",
                text(&old["row"])
            )),
        }
    }
    found.extend(items(&fresh["rows"]).iter().flat_map(broken_limits));
    found
        .into_iter()
        .map(|line| format!("{place}: {line}"))
        .collect()
}

fn place(document: &Value) -> String {
    let server = &document["server"];
    let (name, version) = (text(&server["name"]), text(&server["version"]));
    format!("{} on {name} {version}", text(&document["group"]))
}

/// Counts that grew at all, or that are gone. Those of a walk have the room that the server's hash seed takes, where
/// both documents say that it is one: a change that takes the exactness away must not widen its own limit.
fn grown_counts(old: &Value, new: &Value) -> Vec<String> {
    let row = text(&old["row"]);
    let is_exact = [old, new]
        .iter()
        .any(|row| row["exact"] != Value::Bool(false));
    let mut found = Vec::new();
    for (name, kept) in old["counts"].as_object().into_iter().flatten() {
        let (kept, fresh) = (kept.as_f64().unwrap_or(0.0), new["counts"][name].as_f64());
        let room = if is_exact {
            0.0
        } else {
            WALK_SPREAD_ROOTS * kept.sqrt()
        };
        match fresh {
            Some(fresh) if fresh <= kept + room => {}
            Some(fresh) => found.push(format!("{row}: {name} grew from {kept} to {fresh}")),
            None => found.push(format!("{row}: {name} was {kept} and was not counted")),
        }
    }
    found
}

fn grown_ratios(old: &Value, new: &Value) -> Vec<String> {
    let row = text(&old["row"]);
    let mut found = Vec::new();
    for kept in items(&old["ratios"]) {
        let name = text(&kept["ratio"]);
        let fresh = items(&new["ratios"])
            .iter()
            .find(|fresh| fresh["ratio"] == kept["ratio"]);
        let Some(fresh) = fresh.map(pairs).filter(|fresh| !fresh.is_empty()) else {
            found.push(format!("{row}: {name} is kept and was not measured"));
            continue;
        };
        let kept = pairs(kept);
        if rank::least_chance(kept.len(), fresh.len()) > CHANCE_LIMIT {
            found.push(format!(
                "{row}: {name} has {} rounds kept and {} measured, too few to tell growth from chance",
                kept.len(),
                fresh.len()
            ));
            continue;
        }
        let allowed: Vec<f64> = kept
            .iter()
            .map(|ratio| ratio * RATIO_GROWTH_TIMES)
            .collect();
        let chance = rank::chance(&allowed, &fresh);
        if chance <= CHANCE_LIMIT {
            found.push(format!(
                "{row}: {name} grew from {:.2} to {:.2} (medians of the rounds; chance alone does so in {:.1} %)",
                median(&kept),
                median(&fresh),
                chance * 100.0
            ));
        }
    }
    found
}

/// The ratio in each round: what ran one after the other met the same machine.
fn pairs(ratio: &Value) -> Vec<f64> {
    let sides = |unit: &str| {
        let side = |name: &str| items(&ratio[format!("{name}_{unit}")]).iter();
        side("ours").zip(side("base"))
    };
    // A ratio is of walls or of waits, and has the one pair of fields or the other.
    sides("ms")
        .chain(sides("us"))
        .filter_map(|(ours, base)| Some(ours.as_f64()? / base.as_f64()?))
        .filter(|pair| pair.is_finite())
        .collect()
}

/// Limits in bytes, and what must simply hold. Those in times of something else are compared by their ratios, and
/// those in time gate nothing.
fn gating(row: &Value) -> impl Iterator<Item = &Value> {
    let gates = |verdict: &&Value| matches!(verdict["unit"].as_str(), Some("bytes" | "yes"));
    items(&row["verdicts"]).iter().filter(gates)
}

/// Limits that gated and are gone, or were not run.
fn lost_limits(old: &Value, new: &Value) -> Vec<String> {
    let is_lost = |kept: &&Value| gating(new).all(|fresh| fresh["what"] != kept["what"]);
    let line = |kept: &Value| {
        format!(
            "{}: {} is kept and was not measured",
            text(&old["row"]),
            text(&kept["what"])
        )
    };
    gating(old).filter(is_lost).map(line).collect()
}

/// Limits that gate and are not met.
fn broken_limits(row: &Value) -> Vec<String> {
    gating(row)
        .filter(|verdict| verdict["outcome"] != "met")
        .map(|verdict| {
            let (what, value, limit) =
                (text(&verdict["what"]), &verdict["value"], &verdict["limit"]);
            format!(
                "{}: {what} is {value}, with a limit of {limit}",
                text(&row["row"])
            )
        })
        .collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::compare;
    use super::nothing_to_compare;
    use crate::bench::figures::{Row, Unit, Verdict};
    use serde_json::{Value, json};

    /// Walls around one second, as rounds on a shared machine have them.
    const NOISE: [f64; 15] = [
        1000.0, 1310.0, 905.0, 1120.0, 980.0, 1460.0, 1010.0, 940.0, 1200.0, 890.0, 1050.0, 1150.0,
        970.0, 1080.0, 1020.0,
    ];

    fn document(rows: Vec<Row>) -> Value {
        json!({
            "group": "delete", "server": { "name": "redis", "version": "7.0.15" }, "keys": 1000,
            "rows": rows.into_iter().map(Row::into_json).collect::<Vec<_>>(),
        })
    }

    /// keypace takes `times` as long as the floor, with noise of its own.
    fn ratio(times: f64) -> Value {
        let ours: Vec<f64> = NOISE.iter().rev().map(|wall| wall * times).collect();
        document(vec![Row::new("delete").with_ratio(
            "keypace / floor",
            &ours,
            &NOISE,
        )])
    }

    fn counts(way_is_exact: bool, commands: u64, bytes: u64) -> Value {
        let row = Row::new("enumerate 1000: way").with_field("exact", way_is_exact);
        document(vec![
            row.with_count("commands", commands)
                .with_count("bytes", bytes),
        ])
    }

    fn expect(kept: &Value, fresh: &Value, words: &[&str]) {
        let found = compare(kept, fresh);
        assert_eq!(found.len(), words.len(), "{found:#?}");
        for (line, word) in found.iter().zip(words) {
            assert!(
                line.starts_with("delete on redis 7.0.15: ") && line.contains(word),
                "{line:?} lacks {word:?}"
            );
        }
    }

    #[test]
    fn a_planted_regression_of_a_count_is_found_at_one_more() {
        let kept = counts(true, 40, 5000);
        expect(&kept, &kept, &[]);
        expect(&kept, &counts(true, 39, 4000), &[]);
        expect(
            &kept,
            &counts(true, 41, 5000),
            &["commands grew from 40 to 41"],
        );
        expect(
            &kept,
            &counts(true, 41, 5001),
            &["bytes grew from 5000 to 5001", "commands grew"],
        );
    }

    #[test]
    fn a_walk_has_the_room_of_its_hash_seed_and_no_more() {
        let kept = counts(false, 7603, 2_235_701);
        expect(&kept, &counts(false, 7670, 2_237_060), &[]);
        expect(
            &kept,
            &counts(false, 7800, 2_235_701),
            &["commands grew from 7603 to 7800"],
        );
        expect(
            &kept,
            &counts(false, 15_206, 2_235_701),
            &["commands grew from 7603 to 15206"],
        );
    }

    #[test]
    fn a_count_is_exact_where_either_document_says_so() {
        for (kept_is_exact, fresh_is_exact) in [(true, false), (false, true)] {
            let kept = counts(kept_is_exact, 7603, 5000);
            let fresh = counts(fresh_is_exact, 7604, 5000);
            expect(&kept, &fresh, &["commands grew from 7603 to 7604"]);
        }
    }

    #[test]
    fn a_planted_regression_of_a_ratio_is_found() {
        let kept = ratio(1.0);
        expect(&kept, &kept, &[]);
        expect(&kept, &ratio(0.8), &[]);
        // Half of what is allowed: no finding. Half as much again: one.
        expect(&kept, &ratio(1.05), &[]);
        expect(
            &kept,
            &ratio(1.5),
            &["keypace / floor grew from 1.00 to 1.50"],
        );
    }

    #[test]
    fn one_bad_round_is_no_growth() {
        let mut fresh = ratio(1.0);
        fresh["rows"][0]["ratios"][0]["ours_ms"][3] = json!(50_000.0);
        expect(&ratio(1.0), &fresh, &[]);
    }

    #[test]
    fn rounds_that_can_show_nothing_are_no_pass() {
        let few = document(vec![Row::new("delete").with_ratio(
            "keypace / floor",
            &[9.0],
            &[1.0],
        )]);
        expect(
            &ratio(1.0),
            &few,
            &["15 rounds kept and 1 measured, too few"],
        );
    }

    #[test]
    fn what_is_kept_must_be_measured() {
        let both = document(vec![
            Row::new("list").with_ratio("keypace / floor", &NOISE, &NOISE),
            Row::new("delete").with_count("commands", 5),
        ]);
        expect(
            &both,
            &document(vec![Row::new("delete").with_count("commands", 5)]),
            &["list is kept"],
        );
        let bare = document(vec![Row::new("list"), Row::new("delete")]);
        expect(&both, &bare, &["keypace / floor is kept", "commands was 5"]);
        // What is new has nothing to be compared with.
        let one = document(vec![Row::new("delete").with_count("commands", 5)]);
        expect(&one, &both, &[]);
    }

    #[test]
    fn nothing_kept_to_compare_is_no_pass() {
        let late = Verdict::at_most("p99 above idle", 1.0, 1000.0, Unit::Microseconds);
        let not_run = Verdict::not_run("peak", "no server");
        let empty = [
            document(Vec::new()),
            document(vec![Row::new("200 lists"), Row::new("idle")]),
            document(vec![
                Row::new("200 lists")
                    .with_verdict(late)
                    .with_verdict(not_run),
            ]),
        ];
        let fresh = ratio(1.0);
        for kept in empty {
            expect(&kept, &kept, &["nothing to compare"]);
            expect(&kept, &fresh, &["nothing to compare"]);
            assert!(nothing_to_compare(&kept).is_some());
        }
        assert_eq!(nothing_to_compare(&fresh), None);
        assert_eq!(nothing_to_compare(&counts(true, 1, 1)), None);
    }

    #[test]
    fn limits_in_bytes_gate_and_those_in_time_do_not() {
        let row = |bytes: f64, us: f64| {
            let row =
                Row::new("count").with_verdict(Verdict::at_most("peak", bytes, 64.0, Unit::Bytes));
            document(vec![row.with_verdict(Verdict::at_most(
                "p99",
                us,
                1000.0,
                Unit::Microseconds,
            ))])
        };
        expect(&row(60.0, 900.0), &row(64.0, 5000.0), &[]);
        let not_run = Row::new("count").with_verdict(Verdict::not_run("peak", "no server"));
        expect(
            &row(60.0, 900.0),
            &document(vec![not_run]),
            &["peak is kept and was not measured"],
        );
        expect(
            &row(60.0, 900.0),
            &row(65.0, 900.0),
            &["peak is 65.0, with a limit of 64.0"],
        );
    }

    #[test]
    fn other_servers_and_sizes_are_not_compared() {
        let kept = ratio(1.0);
        for (field, value) in [
            ("keys", json!(10)),
            ("server", json!({ "name": "redis", "version": "8.0.2" })),
        ] {
            let mut fresh = ratio(1.0);
            fresh[field] = value;
            let found = compare(&kept, &fresh);
            assert!(
                found.len() == 1 && found[0].starts_with("can't compare"),
                "{found:?}"
            );
        }
    }
}
