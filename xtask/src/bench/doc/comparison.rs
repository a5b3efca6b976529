//! The figures of docs/comparison.md are those of the kept results. Tests only; the page is written by hand.

use std::path::Path;

use super::tables::{Kept, name};
use crate::bench::figures::{column, median};
use crate::bench::kept;
use crate::bench::options::Group;
use crate::bench::shown;

const PAGE: &str = include_str!("../../../../docs/comparison.md");

/// How a line of the page begins, and the kept row that it is about.
const LINES: [(&str, Group, &str); 9] = [
    ("| delete 500,000", Group::Rivals, "keypace delete"),
    (
        "| redis-cli 7.0.15 `--scan`",
        Group::Rivals,
        "redis-cli --scan, xargs",
    ),
    (
        "| redis-py 8.1.0, `scan_iter(count=1000)`, `unlink`",
        Group::Rivals,
        "redis-py",
    ),
    ("| ioredis", Group::Rivals, "ioredis"),
    ("| django-redis", Group::Rivals, "django-redis"),
    ("| count a cluster", Group::Cluster, "count --budget 1ms"),
    (
        "| valkey-glide 2.5.3, cluster",
        Group::Cluster,
        "count: valkey-glide",
    ),
    (
        "| redis-py 8.1.0, `scan_iter(count=1000)` |",
        Group::Cluster,
        "count: redis-py",
    ),
    ("| three raw loops", Group::Cluster, "count: raw loops"),
];

#[test]
fn the_pages_figures_are_the_kept_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let documents = kept::all(&root).expect("kept results");
    let kept = Kept::new(&documents);
    let mut wrong = Vec::new();
    for (begin, group, row) in LINES {
        let line = PAGE.lines().find(|line| line.starts_with(begin));
        let line = line.unwrap_or_else(|| panic!("no line {begin}"));
        let cells: Vec<&str> = line.split(" | ").collect();
        for (at, server) in kept.servers().enumerate() {
            let rows = kept.rows(group, server);
            let found = rows.iter().find(|own| name(own).starts_with(row));
            let rounds = found.expect(row)["rounds"].as_array().expect("rounds");
            let wall = median(&column(rounds, "wall_ms")) / 1000.0;
            let said = format!("{} s", shown::number(wall));
            if cells.get(at + 1) != Some(&said.as_str()) {
                wrong.push(format!("{begin} of {server:?} is {said}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
