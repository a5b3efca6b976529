//! A recorded run against a real server, told to the controller again: the same words must have the same answers.
//! What is decided otherwise on purpose is recorded anew: `keypace --explain-pace --progress none delete ... 2> FILE`.

use super::Pacer;
use super::order::{Input, Order, Record};

const TRACE: &str = include_str!("traces/redis-7.0-delete.jsonl");

fn records() -> impl Iterator<Item = Record> {
    let records = TRACE.lines().map(serde_json::from_str);
    records.map(|record| record.expect("a record a line"))
}

#[test]
fn a_recorded_run_is_decided_as_it_was() {
    let mut pacer = Pacer::new();
    for (line, record) in records().enumerate() {
        let order = pacer.step(record.at_us, &record.input);
        let replayed = pacer.record(record.at_us, record.input.clone(), order);
        assert_eq!(replayed, record, "line {}", line + 1);
    }
}

#[test]
fn the_recorded_run_is_one_worth_replaying() {
    let is_listening = |record: &Record| record.order == Some(Order::Listen);
    let is_told = |record: &Record| matches!(record.input, Input::Vitals(_));
    assert!(records().count() > 500);
    assert!(records().filter(is_listening).count() >= 2);
    assert!(records().any(|record| is_told(&record)));
    let sizes = records().filter_map(|record| match record.order {
        Some(Order::Go { units }) => Some(units),
        _ => None,
    });
    let (least, most) = sizes.fold((u32::MAX, 0), |(least, most), units| {
        (least.min(units), most.max(units))
    });
    assert!(least * 5 <= most, "sizes were adapted: {least} to {most}");
}
