//! The commands on clusters of real processes: all keys of all primaries, each accounted for once, and nothing sent to
//! a node that can't have any. One cluster of each server program serves a whole test.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeSet;

use common::clusters::{KEYS, OTHERS, clusters, dead_url, key_count, lone, seed};
use common::under_way::{BRISK, interrupted, resumed, under_way_until};
use common::{Home, Ran, gathered};
use keypace_lab::{OwnedCluster, Value};

fn lines(ran: &Ran) -> Vec<&str> {
    ran.text().lines().collect()
}

fn expected() -> BTreeSet<String> {
    (0..KEYS).map(|n| format!("session:{n}")).collect()
}

#[track_caller]
fn assert_all(ran: &Ran) {
    let found: BTreeSet<String> = lines(ran).into_iter().map(str::to_owned).collect();
    let expected = expected();
    let missed: Vec<_> = expected.difference(&found).take(5).collect();
    let foreign: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(
        missed.is_empty() && foreign.is_empty(),
        "missed {missed:?}, foreign {foreign:?}"
    );
}

/// How often a node was asked this command.
fn calls(cluster: &OwnedCluster, node: usize, command: &str) -> u64 {
    let stats = cluster
        .raw(node)
        .and_then(|mut raw| raw.info("commandstats"));
    let stats = stats.expect("statistics");
    let calls = stats.get(&format!("cmdstat_{command}"));
    calls.map_or(0, |text| {
        let calls = text
            .strip_prefix("calls=")
            .and_then(|text| text.split(',').next());
        calls
            .and_then(|calls| calls.parse().ok())
            .expect("a number of calls")
    })
}

#[test]
fn a_count_is_of_all_primaries() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[1]);
        let count = |flags: &[&str]| {
            let tail = ["count", "session:*"];
            home.run(flags.iter().chain(&tail)).expect(0)
        };
        assert_eq!(count(&[]).text(), format!("{KEYS}\n"));
        assert_eq!(count(&["--max-nodes", "1"]).text(), format!("{KEYS}\n"));
        assert_eq!(
            count(&["--topology", "cluster"]).text(),
            format!("{KEYS}\n")
        );
        let ran = count(&["--json", "--progress", "json"]);
        let summary = ran.json();
        assert_eq!(
            (&summary["matched"], &summary["complete"]),
            (&KEYS.into(), &true.into())
        );
        let shards = summary["shards"].as_array().expect("shards");
        let nodes: BTreeSet<&str> = shards
            .iter()
            .filter_map(|shard| shard["node"].as_str())
            .collect();
        assert_eq!((shards.len(), nodes.len()), (3, 3), "{summary}");
        let sum: u64 = shards
            .iter()
            .filter_map(|shard| shard["matched"].as_u64())
            .sum();
        assert_eq!(sum, KEYS);
        assert!(
            shards.iter().all(|shard| shard["complete"] == true),
            "{summary}"
        );
        let last = ran.stderr.lines().last().expect("progress");
        let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        assert_eq!(last["nodes"].as_array().map(Vec::len), Some(3), "{last}");
        let by_prefix = home
            .run(["--json", "count", "--by-prefix", "1", "*"])
            .expect(0)
            .json();
        let prefixes = by_prefix["prefixes"].as_array().expect("prefixes");
        assert_eq!(prefixes.len(), 2, "{by_prefix}");
        assert_eq!(by_prefix["matched"], KEYS + OTHERS);
    }
}

#[test]
fn a_scan_lists_all_keys() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls().join(","));
        assert_all(&home.run(["scan", "session:*"]).expect(0));
        let exact = home.run(["scan", "--exact", "session:*"]).expect(0);
        assert_eq!(lines(&exact).len() as u64, KEYS, "each once");
        assert_all(&exact);
        let sorted = home.run(["scan", "--sorted", "session:*"]).expect(0);
        let expected: Vec<String> = expected().into_iter().collect();
        assert_eq!(lines(&sorted), expected);
        let by_keys = home.run(["--use-keys", "scan", "session:*"]).expect(0);
        assert_eq!(by_keys.stdout, sorted.stdout, "the same bytes");
        for flags in [
            &["scan"][..],
            &["scan", "--exact"],
            &["scan", "--sorted"],
            &["--use-keys", "scan"],
        ] {
            let limited = home.run(flags.iter().chain(&["--limit", "700", "session:*"]));
            let limited = limited.expect(0).says(&["--limit"]);
            assert_eq!(lines(&limited).len(), 700, "{flags:?}");
        }
        let json = home
            .run(["--json", "scan", "--limit", "10", "session:*"])
            .expect(0);
        let last = lines(&json).pop().expect("a summary").to_owned();
        let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(
            (&last["summary"]["limited"], &last["summary"]["complete"]),
            (&true.into(), &true.into())
        );
    }
}

#[test]
fn a_delete_looks_first_and_takes_the_keys_of_all_primaries() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        let dry = home
            .run(["--json", "delete", "--dry-run", "session:*"])
            .expect(0)
            .json();
        assert_eq!(
            (&dry["would_delete"], &dry["complete"]),
            (&KEYS.into(), &true.into())
        );
        let dry = home.run(["delete", "--dry-run", "session:*"]).expect(0);
        assert!(
            dry.text()
                .contains(&format!("of the {} there", grouped(KEYS + OTHERS))),
            "{dry:?}"
        );
        assert_eq!(
            key_count(&cluster),
            KEYS + OTHERS,
            "a dry run deletes nothing"
        );
        let stopped = home.run([
            "--json",
            "delete",
            "--yes",
            "--max-delete",
            "1000",
            "session:*",
        ]);
        let deleted = stopped.expect(1).json()["deleted"]
            .as_u64()
            .expect("a number");
        assert!(deleted <= 1000, "{deleted}");
        let summary = home
            .run(["--json", "delete", "--yes", "session:*"])
            .expect(0)
            .json();
        assert_eq!(summary["deleted"], KEYS - deleted, "{summary}");
        assert_eq!(summary["failed"], 0);
        assert_eq!(key_count(&cluster), OTHERS);
    }
}

#[test]
fn keys_in_place_of_scan_count_and_delete_likewise() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        let run = |rest: &[&str]| {
            let ran = home.run(["--json", "--use-keys"].iter().chain(rest));
            ran.expect(0).json()
        };
        assert_eq!(run(&["count", "session:*"])["matched"], KEYS);
        assert_eq!(
            run(&["delete", "--dry-run", "session:*"])["would_delete"],
            KEYS
        );
        let limited = run(&["delete", "--yes", "--limit", "700", "session:*"]);
        assert_eq!(limited["deleted"], 700, "{limited}");
        let rest = run(&["delete", "--yes", "session:*"]);
        assert_eq!(rest["deleted"], KEYS - 700, "{rest}");
        assert_eq!(key_count(&cluster), OTHERS);
    }
}

#[test]
fn a_hash_tag_leads_to_one_node() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let owner = usize::from(keypace_lab::slot_of(b"42") > 5460)
            + usize::from(keypace_lab::slot_of(b"42") > 10_921);
        let mut raw = cluster.raw(owner).expect("a connection");
        for n in 0..50 {
            let key = format!("cart:{{42}}:{n}");
            let reply = raw.command(&[b"SET", key.as_bytes(), b"x"]).expect("SET");
            assert_eq!(reply, Value::Simple("OK".into()));
        }
        let home = Home::with_url(&cluster.urls()[0]);
        let before: Vec<u64> = (0..3).map(|node| calls(&cluster, node, "scan")).collect();
        assert_eq!(home.run(["count", "cart:{42}:*"]).expect(0).text(), "50\n");
        let deleted = home
            .run(["--json", "delete", "--yes", "cart:{42}:*"])
            .expect(0)
            .json();
        assert_eq!(deleted["deleted"], 50);
        for (node, before) in before.iter().enumerate() {
            let asked = calls(&cluster, node, "scan") - before;
            assert_eq!(
                asked > 0,
                node == owner,
                "node {node} was asked {asked} times"
            );
        }
    }
}

#[test]
fn slots_that_move_are_walked_again_and_that_is_told() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        for (command, counted, slots) in [
            (&["count"][..], "matched", 0..5),
            (&["delete", "--yes"], "deleted", 5..10),
        ] {
            // Already open when the walk begins, so that it can't prove them whenever they are handed over.
            let open = slots.map(|slot| cluster.begin_move(0, 1, slot).expect("open"));
            let open: Vec<_> = open.collect();
            let typed = [&["--json", "--rate", BRISK], command, &["session:*"]].concat();
            let (child, seen, stderr) = under_way_until(&home, &typed, counted, 1);
            for slot in open {
                slot.finish().expect("moved");
            }
            let ran = gathered(child, seen, stderr).expect(0);
            let summary = ran.json();
            assert_eq!(summary[counted], KEYS, "none missed, none twice: {summary}");
            let shards = summary["shards"].as_array().expect("shards");
            let repeated = shards
                .iter()
                .filter_map(|shard| shard["repeated_slots"].as_u64());
            assert!(repeated.sum::<u64>() >= 5, "{summary}");
            ran.says(&["slots were walked again"]);
        }
        assert_eq!(key_count(&cluster), OTHERS);
    }
}

#[test]
fn lanes_find_the_same_keys() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        for budget in ["off", "5ms"] {
            let with = ["--budget", budget, "--lanes", "2"];
            // Where lanes meet a key may come twice.
            assert_all(
                &home
                    .run(with.iter().chain(&["scan", "session:*"]))
                    .expect(0),
            );
            let counted = with.iter().chain(&["--json", "count", "session:*"]);
            let summary = home.run(counted).expect(0).json();
            assert!(summary["matched"].as_u64() >= Some(KEYS), "{summary}");
            let shards = summary["shards"].as_array().expect("shards");
            assert!(shards.iter().all(|shard| shard["lanes"] == 2), "{summary}");
        }
    }
}

#[test]
fn any_seed_that_answers_will_do() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let (dead, alive) = (dead_url(), cluster.urls()[2].clone());
        let count = ["count", "session:*"];
        let typed = ["--url", dead.as_str(), "--url", alive.as_str()];
        let ran = Home::new().run(typed.iter().chain(&count)).expect(0);
        assert_eq!(ran.text(), format!("{KEYS}\n"));
        for between in [",", " ", ", "] {
            let home = Home::with_url(&format!("{dead}{between}{alive}"));
            assert_eq!(home.run(count).expect(0).text(), format!("{KEYS}\n"));
        }
        let home = Home::new();
        let file = home.path("cluster.toml");
        std::fs::write(
            &file,
            format!("url = [\"{dead}\", \"{alive}\"]\ntopology = \"cluster\"\nmax_nodes = 2"),
        )
        .expect("written");
        let file = file.to_str().expect("a path");
        assert_eq!(
            home.run(["--config", file].iter().chain(&count))
                .expect(0)
                .text(),
            format!("{KEYS}\n")
        );
        let dead = [
            "--retries",
            "0",
            "--url",
            dead.as_str(),
            "--url",
            dead.as_str(),
        ];
        Home::new()
            .run(dead.iter().chain(&count))
            .expect(3)
            .says(&["hint: "]);
    }
}

#[test]
fn an_interrupted_delete_is_finished_by_the_printed_command() {
    for (cluster, name) in clusters(&lone()).zip(["INT", "TERM"].into_iter().cycle()) {
        seed(&cluster);
        let urls = cluster.urls();
        let home = Home::new();
        let typed = [
            "--json",
            "--topology",
            "cluster",
            "--url",
            &urls[0],
            "--url",
            &urls[1],
            "delete",
            "--yes",
            "session:*",
        ];
        let ran = interrupted(&home, &typed, "deleted", name).expect(130);
        let summary = ran.json();
        let deleted = summary["deleted"].as_u64().expect("a number");
        assert!(deleted > 0 && deleted < KEYS, "{summary}");
        assert_eq!(summary["unknown"], 0, "what was in flight is settled");
        assert_eq!(
            key_count(&cluster),
            KEYS + OTHERS - deleted,
            "what is said to be deleted is"
        );
        let ran = ran.says(&["--topology cluster", &urls[0], &urls[1], "--resume"]);
        let finished = resumed(&home, &ran).expect(0).json();
        assert_eq!(finished["complete"], true, "{finished}");
        assert_eq!(
            finished["deleted"], KEYS,
            "the account goes on where it stood"
        );
        assert_eq!(key_count(&cluster), OTHERS);
    }
}

#[test]
fn an_interrupted_scan_and_its_resumption_miss_no_key() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls().join(" "));
        let place = home.path("scan.ckpt");
        let place = place.to_str().expect("a path");
        let typed = ["scan", "--checkpoint", place, "session:*"];
        let first = interrupted(&home, &typed, "matched", "INT").expect(130);
        let second = resumed(&home, &first).expect(0);
        let number = lines(&first).len() as u64;
        assert!(number > 0 && number < KEYS, "{number}");
        let both = Ran {
            stdout: [first.stdout.clone(), second.stdout].concat(),
            ..first
        };
        assert_all(&both);
    }
}

/// As people read it.
fn grouped(number: u64) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}
