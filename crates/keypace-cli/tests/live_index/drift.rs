//! Each kind of drift is planted by hand, and found under its name.

use serde_json::Value;

use crate::common::Ran;
use crate::place::{OWNERS, Place, RECORDS, body, places};

fn verify(place: &Place, more: &[&str]) -> Ran {
    let words = ["--budget", "off", "--json", "index", "verify", "session"];
    place.home.run(words.iter().chain(more))
}

fn rebuild(place: &Place) -> Value {
    let ran = place
        .home
        .run(["--budget", "off", "--json", "index", "rebuild", "session"]);
    ran.expect(0).json()
}

/// Found under exactly these names, and nothing else is.
#[track_caller]
fn finds(place: &Place, what: &str, expected: &[(&str, u64)]) -> Value {
    let ran = verify(place, &[]).expect(1);
    let report = ran.json();
    for kind in [
        "missing",
        "stale",
        "wrong_owner",
        "wrong_score",
        "ownerless",
    ] {
        let wanted = expected.iter().find(|(name, _)| *name == kind);
        let wanted = wanted.map_or(0, |(_, number)| *number);
        let place = place.name();
        assert_eq!(
            report["drift"][kind], wanted,
            "{what}, {kind}, {place}: {report}"
        );
        let named = report["samples"].as_array().expect("samples").iter();
        let named = named.filter(|sample| sample["kind"] == kind).count() as u64;
        assert_eq!(named, wanted.min(10), "{what}, {kind}: {report}");
    }
    report
}

#[track_caller]
fn is_true(place: &Place, what: &str) -> Value {
    let ran = verify(place, &[]);
    assert_eq!(ran.code, 0, "{what}, {}: {ran:?}", place.name());
    ran.json()
}

/// Found, mended, and gone.
#[track_caller]
fn is_mended(place: &Place, what: &str, expected: &[(&str, u64)]) {
    finds(place, what, expected);
    let mended = verify(place, &["--repair"]).expect(1).json();
    assert!(mended["repaired"].as_u64() > Some(0), "{what}: {mended}");
    is_true(place, what);
}

/// Found, and left alone by a repair.
#[track_caller]
fn is_left(place: &Place, what: &str, expected: &[(&str, u64)]) {
    finds(place, what, expected);
    let mended = verify(place, &["--repair"]).expect(1).json();
    assert_eq!(mended["drift"][expected[0].0], expected[0].1, "{mended}");
    verify(place, &[]).expect(1);
}

/// A place whose index is true.
fn rebuilt() -> impl Iterator<Item = Place> {
    places().inspect(|place| {
        place.seed();
        rebuild(place);
        is_true(place, "rebuilt");
    })
}

#[test]
fn without_an_index_every_old_record_is_missing() {
    for place in places() {
        place.seed();
        finds(&place, "no index", &[("missing", RECORDS as u64)]);
        verify(&place, &["--repair"])
            .expect(4)
            .says(&["index rebuild session"]);
        let made = rebuild(&place);
        assert_eq!(made["imported"], RECORDS, "{made}");
        let report = is_true(&place, "rebuilt");
        assert_eq!(report["records"], RECORDS, "{report}");
        assert_eq!(report["members"], RECORDS, "{report}");
        assert_eq!(report["old_sets"]["members"], RECORDS, "{report}");
        assert_eq!(rebuild(&place)["unchanged"], RECORDS);
    }
}

#[test]
fn old_records_that_come_change_and_go_are_drift() {
    for place in rebuilt() {
        old_records_drift(&place);
    }
}

#[test]
fn owners_that_change_and_go_are_drift() {
    for place in rebuilt() {
        owners_drift(&place);
    }
}

#[test]
fn p40_members_that_come_change_and_go_are_drift() {
    for place in rebuilt() {
        sets_drift(&place);
    }
}

#[test]
fn keys_of_another_type_are_found_and_what_is_no_drift_is_none() {
    for place in rebuilt() {
        other_types_drift(&place);
        what_is_no_drift(&place);
    }
}

fn old_records_drift(place: &Place) {
    place.put("added", "key-0", "");
    is_mended(place, "an old record added", &[("missing", 1)]);
    place.run(&["DEL", "session:added"]);
    is_mended(place, "an old record deleted", &[("stale", 1)]);
    place.put("s4", "key-1", "another");
    is_mended(place, "an old record changed", &[("stale", 1)]);
    place.run(&["PEXPIRE", "session:s4", "7200000"]);
    is_mended(place, "an old record's time changed", &[("stale", 1)]);
    let left = place
        .run(&["PTTL", &place.record("s4")])
        .int()
        .expect("a TTL");
    assert!((7_100_000..=7_200_000).contains(&left), "{left}");
    // Also where nobody repairs but the next rebuild.
    place.put("added", "key-0", "");
    place.run(&["DEL", "session:s5"]);
    finds(place, "both", &[("missing", 1), ("stale", 1)]);
    let made = rebuild(place);
    assert_eq!(
        (&made["imported"], &made["removed"]),
        (&1.into(), &1.into()),
        "{made}"
    );
    is_true(place, "rebuilt again");
    place.put("s5", "key-2", "");
    place.run(&["DEL", "session:added"]);
    rebuild(place);
}

fn owners_drift(place: &Place) {
    let old = place.record("s7");
    place.put("s7", "key-2", "");
    finds(place, "an owner changed", &[("wrong_owner", 1)]);
    assert_eq!(place.record("s7"), old);
    rebuild(place);
    assert_ne!(place.record("s7"), old, "it has moved");
    is_true(place, "followed");
    // A record whose own body names another, which nothing mends.
    let value = format!(
        "k1 9000000000000000 1 1\n{}",
        body("odd", "somebody else", "")
    );
    let lead = place.index("s8", "");
    place.run(&["SET", &format!("{lead}r:odd"), &value]);
    place.run(&["ZADD", &format!("{lead}c"), "-1", "odd"]);
    place.run(&["ZADD", &format!("{lead}e"), "+inf", "odd"]);
    is_left(place, "a body that names another", &[("wrong_owner", 1)]);
    place.run(&["DEL", &format!("{lead}r:odd")]);
    is_mended(
        place,
        "a record deleted without its members",
        &[("stale", 1)],
    );

    place.run(&["SET", "session:s10", r#"{"id":"s10"}"#]);
    is_left(place, "an owner removed", &[("ownerless", 1)]);
    let made = rebuild(place);
    assert_eq!(
        (&made["ownerless"], &made["removed"]),
        (&1.into(), &1.into()),
        "{made}"
    );
    finds(place, "listed to nobody", &[("ownerless", 1)]);
    let assign = ["index", "assign", "session", "--owner", "key-1", "s10"];
    let ran = place.home.run(assign.iter().chain(&["s11", "nothing"]));
    ran.expect(1);
    is_true(place, "assigned");
    assert_eq!(rebuild(place)["unchanged"], RECORDS, "it stays so");
    // What it says itself goes before.
    place.put("s10", "key-2", "");
    finds(place, "an owner again", &[("wrong_owner", 1)]);
    rebuild(place);
    is_true(place, "followed again");
}

fn sets_drift(place: &Place) {
    for part in ["c", "e"] {
        let index = place.index("s11", part);
        place.run(&["ZREM", &index, "s11"]);
        is_mended(place, "a member removed", &[("missing", 1)]);
        place.run(&["ZADD", &index, "+inf", "ghost"]);
        is_mended(place, "a member added", &[("stale", 1)]);
        place.run(&["ZADD", &index, "+inf", "no:id"]);
        is_mended(place, "a member that is no id", &[("stale", 1)]);
        let index = place.index("s12", part);
        place.run(&["ZINCRBY", &index, "5000", "s12"]);
        is_mended(place, "a score changed", &[("wrong_score", 1)]);
    }
    let index = place.index("s11", "c");
    place.run(&["DEL", &index]);
    let of_one = (RECORDS / OWNERS) as u64;
    let found = verify(place, &[]).expect(1).json();
    let missing = found["drift"]["missing"].as_u64().expect("a number");
    assert!(missing.abs_diff(of_one) <= 2, "{found}");
    let mended = verify(place, &["--repair", "--max-repairs", "5"]).expect(1);
    assert_eq!(mended.json()["repaired"], 5, "{mended:?}");
    mended.says(&["--max-repairs"]);
    finds(place, "five less", &[("missing", missing - 5)]);
    verify(place, &["--repair"]).expect(1);
    is_true(place, "an index deleted");

    let record = place.record("s13");
    place.run(&["DEL", &record]);
    is_mended(place, "a record deleted", &[("missing", 1), ("stale", 1)]);
}

fn other_types_drift(place: &Place) {
    let record = place.record("s14");
    place.run(&["DEL", &record]);
    place.run(&["HSET", &record, "a", "b"]);
    let report = finds(
        place,
        "a hash for a record",
        &[("missing", 1), ("stale", 1)],
    );
    assert_eq!(report["errors"][0]["kind"], "wrong_type", "{report}");
    assert_eq!(report["complete"], false, "{report}");
    verify(place, &["--repair"]).expect(1);
    verify(place, &[]).expect(1);
    place.run(&["DEL", &record]);
    verify(place, &["--repair"]).expect(1);
    is_true(place, "the hash is gone");

    let index = place.index("s14", "e");
    place.run(&["DEL", &index]);
    place.run(&["SET", &index, "text"]);
    let report = verify(place, &[]).expect(1).json();
    assert!(report["drift"]["missing"].as_u64() > Some(0), "{report}");
    assert_eq!(report["errors"][0]["kind"], "wrong_type", "{report}");
    let mended = verify(place, &["--repair"]).expect(1).json();
    assert_eq!(mended["repaired"], 0, "{mended}");
    place.run(&["DEL", &index]);
    verify(place, &["--repair"]).expect(1);
    is_true(place, "the text is gone");

    place.run(&["SET", &record, "no header"]);
    verify(place, &[]).expect(1).says(&["no record of ours"]);
    place.run(&["DEL", &record]);
    verify(place, &["--repair"]).expect(1);
    is_true(place, "the text is gone");
}

fn what_is_no_drift(place: &Place) {
    let index = place.index("s1", "e");
    place.run(&["ZADD", &index, "1000", "long-ago"]);
    place.run(&["SADD", "session:owner:key-0", "ghost", "s1"]);
    place.run(&["HSET", "session:hash", "a", "b"]);
    place.run(&["SET", "session:a:b", "x"]);
    place.run(&["SET", "session:text", "x"]);
    place.run(&["SET", "elsewhere", "x"]);
    let report = is_true(place, "no drift");
    assert_eq!(report["expired"], 1, "{report}");
    assert_eq!(report["not_records"], 3, "{report}");
    assert!(report["old_sets"]["stale"].as_u64() >= Some(1), "{report}");
    assert!(
        report["old_sets"]["wrong_owner"].as_u64() >= Some(1),
        "{report}"
    );
    let made = rebuild(place);
    assert_eq!(made["undecodable"], 1, "{made}");
    assert_eq!(made["not_records"], 2, "{made}");
}
