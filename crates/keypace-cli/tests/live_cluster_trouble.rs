//! Clusters and Sentinels where something is missing: rights, slots, nodes, passwords, the topology that was asked for.
//! What is missing is named, and a part is never called the whole.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::time::Duration;

use common::clusters::{KEYS, OTHERS, clusters, dead_url, lone, seed};
use common::under_way::{BRISK, under_way_until};
use common::{Home, finished, gathered, servers};
use keypace_lab::{
    ClusterOptions, OwnedSentinels, Program, SentinelOptions, Value, seed as seeds, wait_until,
};

/// Nodes tell each other what they announce within a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// Slots that are taken away.
const HOLE: std::ops::Range<u16> = 100..110;

#[test]
fn a_hole_is_refused_by_name_or_walked_around() {
    for cluster in clusters(&lone().without_full_coverage()) {
        seed(&cluster);
        cluster.uncover(HOLE).expect("a hole");
        let home = Home::with_url(&cluster.urls()[0]);
        for command in [
            &["count"][..],
            &["scan"],
            &["delete", "--dry-run"],
            &["delete", "--yes"],
        ] {
            let ran = home.run(command.iter().chain(&["session:*"])).expect(4);
            let ran = ran.says(&["100-109", "--allow-uncovered", "hint: "]);
            assert!(ran.stdout.is_empty(), "{ran:?}");
        }
        let allowed = home
            .run(["--allow-uncovered", "count", "session:*"])
            .expect(1);
        let allowed = allowed.says(&["100-109", "10 slots"]);
        let counted = allowed
            .text()
            .strip_prefix("at least ")
            .expect("a part is no whole");
        let lost = (0..KEYS)
            .filter(|n| HOLE.contains(&keypace_lab::slot_of(format!("session:{n}").as_bytes())))
            .count() as u64;
        assert_eq!(
            counted.trim(),
            (KEYS - lost).to_string(),
            "all that is served"
        );
        let json = home
            .run(["--json", "--allow-uncovered", "count", "session:*"])
            .expect(1)
            .json();
        assert_eq!(json["complete"], false, "{json}");
        let deleted = home.run([
            "--json",
            "--allow-uncovered",
            "delete",
            "--yes",
            "session:*",
        ]);
        let deleted = deleted.expect(1).says(&["100-109"]).json();
        assert_eq!(deleted["deleted"], KEYS - lost, "{deleted}");
        // A tag that can't be in the hole has nothing to do with it.
        home.run(["count", "{session:1}*"]).expect(0);
    }
}

#[test]
fn without_the_right_to_ask_for_nodes_it_is_3_and_names_the_rule() {
    for cluster in clusters(&lone()) {
        for node in 0..3 {
            let rules: [&[u8]; 7] = [b"ACL", b"SETUSER", b"poor", b"on", b">pw", b"~*", b"+@all"];
            let words = [&rules[..], &[b"-cluster"]].concat();
            let mut raw = cluster.raw(node).expect("a connection");
            raw.command(&words)
                .and_then(Value::checked)
                .expect("a user");
        }
        let home = Home::with_url(&cluster.urls()[0]);
        for command in [&["count", "a*"][..], &["delete", "--yes", "a*"]] {
            let mut command = home.keypace(["--user", "poor"].iter().chain(command));
            command.env("KEYPACE_PASSWORD", "pw");
            finished(command)
                .expect(3)
                .says(&["NOPERM", "+cluster|nodes", "hint: "]);
        }
    }
}

#[test]
fn a_node_that_dies_on_the_way_is_named_with_its_slots() {
    for mut cluster in clusters(&lone().without_full_coverage()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        let typed = [
            "--timeout",
            "500ms",
            "--retries",
            "1",
            "--rate",
            BRISK,
            "--json",
            "count",
            "session:*",
        ];
        let (child, seen, stderr) = under_way_until(&home, &typed, "matched", 1);
        cluster.kill(2).expect("killed");
        let ran = gathered(child, seen, stderr).expect(1);
        let address = cluster.urls()[2].replace("redis://", "");
        let ran = ran.says(&[address.as_str(), "10922-16383", "not walked whole"]);
        let summary = ran.json();
        assert_eq!(summary["complete"], false);
        for shard in summary["shards"].as_array().expect("shards") {
            let is_lost = shard["node"] == address.as_str();
            assert_eq!(shard["complete"], !is_lost, "{summary}");
        }
        // And so it is for who comes later.
        let ran = home.run(["--timeout", "500ms", "--retries", "0", "count", "session:*"]);
        let ran = ran.expect(1).says(&[address.as_str(), "10922-16383"]);
        assert!(ran.text().starts_with("at least "), "{ran:?}");
    }
}

#[test]
fn nodes_that_announce_other_addresses_are_found_by_the_map() {
    for cluster in clusters(&lone()) {
        seed(&cluster);
        let mut map = String::from("[address_map]\n");
        let mut announced = Vec::new();
        for (node, url) in cluster.urls().iter().enumerate() {
            let outside = dead_url().replace("redis://", "");
            let port = outside.rsplit(':').next().expect("a port").to_owned();
            let words: [&[u8]; 4] = [b"CONFIG", b"SET", b"cluster-announce-port", port.as_bytes()];
            let mut raw = cluster.raw(node).expect("a connection");
            raw.command(&words)
                .and_then(Value::checked)
                .expect("a new port");
            map.push_str(&format!(
                "{outside:?} = {:?}\n",
                url.replace("redis://", "")
            ));
            announced.push(format!("{outside}@"));
        }
        wait_until("see all nodes announce it", PATIENCE, || {
            let mut raw = cluster.raw(0)?;
            let table = raw.command(&[b"CLUSTER", b"NODES"])?;
            let table = String::from_utf8_lossy(table.bytes().unwrap_or_default()).into_owned();
            if announced.iter().all(|place| table.contains(place)) {
                Ok(())
            } else {
                Err(table.into())
            }
        })
        .expect("announced");
        let home = Home::with_url(&cluster.urls()[0]);
        let lost = home.run(["--timeout", "500ms", "--retries", "0", "count", "session:*"]);
        assert_ne!(lost.code, 0, "nobody is there: {lost:?}");
        let file = home.path("nat.toml");
        std::fs::write(&file, map).expect("written");
        let file = file.to_str().expect("a path");
        let found = home.run(["--config", file, "count", "session:*"]).expect(0);
        assert_eq!(found.text(), format!("{KEYS}\n"));
    }
}

#[test]
fn another_topology_than_was_asked_for_is_3() {
    for cluster in clusters(&lone()) {
        let home = Home::with_url(&cluster.urls()[0]);
        for (topology, says) in [
            ("standalone", "a node of a cluster"),
            ("sentinel", "no Sentinel"),
        ] {
            let ran = home.run(["--topology", topology, "count", "a*"]).expect(3);
            ran.says(&[says, "hint: "]);
        }
        let other = format!("{}/3", cluster.urls()[0]);
        Home::with_url(&other)
            .run(["count", "a*"])
            .expect(3)
            .says(&["database 3", "hint: "]);
    }
    for server in servers() {
        let home = Home::with_url(&server.url());
        let ran = home.run(["--topology", "cluster", "count", "a*"]).expect(3);
        ran.says(&["single server", "hint: "]);
        home.run(["--topology", "standalone", "count", "a*"])
            .expect(0);
        home.run(["--max-nodes", "2", "--allow-uncovered", "count", "a*"])
            .expect(0);
    }
}

#[test]
fn replicas_are_walked_where_that_is_asked_for_and_it_is_told() {
    for cluster in clusters(&ClusterOptions::default()) {
        seed(&cluster);
        for primary in 0..3 {
            let mut raw = cluster.raw(primary).expect("a connection");
            let replicas = raw.command(&[b"WAIT", b"1", b"10000"]).expect("WAIT");
            assert_eq!(replicas.int(), Some(1), "the replica has it all");
        }
        let home = Home::with_url(&cluster.urls()[0]);
        let run = |rest: &[&str]| home.run(["--from-replica"].iter().chain(rest));
        let counted = run(&["--json", "count", "session:*"]).expect(0);
        let counted = counted.says(&["read from replicas"]);
        let summary = counted.json();
        assert_eq!(summary["matched"], KEYS, "{summary}");
        let replicas: Vec<String> = (cluster.urls()[3..].iter())
            .map(|url| url.replace("redis://", ""))
            .collect();
        for shard in summary["shards"].as_array().expect("shards") {
            let node = shard["node"].as_str().expect("a node").to_owned();
            assert!(replicas.contains(&node), "{node} is a primary: {summary}");
            assert_eq!(shard["from_replica"], true, "{summary}");
        }
        for command in [
            &["delete", "--yes", "a*"][..],
            &["delete", "--dry-run", "a*"],
        ] {
            run(command).expect(2).says(&["--from-replica", "hint: "]);
        }
    }
}

#[test]
fn a_replica_is_walked_only_where_that_is_asked_for() {
    for program in Program::all() {
        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("sentinels");
        let mut raw = set.raw(0).expect("a connection");
        seeds::strings(&mut raw, b"session:", 0..OTHERS, 8).expect("seed");
        raw.command(&[b"WAIT", b"1", b"10000"]).expect("WAIT");
        let replica = Home::with_url(&set.servers()[1].url());
        let count = ["count", "session:*"];
        replica
            .run(count)
            .expect(4)
            .says(&["it is a replica", "--from-replica"]);
        let ran = replica
            .run(["--from-replica"].iter().chain(&count))
            .expect(0);
        assert_eq!(ran.text(), format!("{OTHERS}\n"));
        ran.says(&["note: read from replicas"]);
        let primary = Home::with_url(&set.servers()[0].url());
        primary
            .run(["--from-replica"].iter().chain(&count))
            .expect(2)
            .says(&["it is a primary"]);
        assert!(primary.run(count).expect(0).stderr.is_empty());
    }
}

#[test]
fn sentinels_lead_to_the_primary() {
    for program in Program::all() {
        let options = SentinelOptions::default()
            .with_sentinel_password("watch")
            .with_data_password("data");
        let set = OwnedSentinels::start(&program, options).expect("sentinels");
        let mut raw = set.raw(0).expect("a connection");
        seeds::strings(&mut raw, b"session:", 0..OTHERS, 8).expect("seed");
        let places: Vec<String> = (set.sentinel_endpoints().iter())
            .map(|endpoint| endpoint.to_string().replace("redis://", ""))
            .collect();
        let dead = dead_url().replace("redis://", "");
        let url = format!(
            "redis-sentinel://{dead},{}/{}",
            places.join(","),
            set.master_name()
        );
        let home = Home::with_url(&url);
        let run = |sentinels: Option<&str>, arguments: &[&str]| {
            let mut command = home.keypace(arguments);
            command.env("KEYPACE_PASSWORD", "data");
            if let Some(password) = sentinels {
                command.env("KEYPACE_SENTINEL_PASSWORD", password);
            }
            finished(command)
        };
        let count = ["--retries", "1", "count", "session:*"];
        assert_eq!(
            run(Some("watch"), &count).expect(0).text(),
            format!("{OTHERS}\n")
        );
        run(Some("watch"), &["--topology", "sentinel", "count", "a"]).expect(0);
        run(Some("watch"), &["--topology", "cluster", "count", "a"])
            .expect(3)
            .says(&["Sentinels"]);
        for wrong in [None, Some("wrong")] {
            let ran = run(wrong, &count).expect(3).says(&["hint: "]);
            assert!(!ran.stderr.contains("data\n"), "{ran:?}");
        }
        let secret = home.path("watch");
        std::fs::write(&secret, "watch\n").expect("written");
        let file = home.path("sentinel.toml");
        std::fs::write(&file, format!("sentinel_password_file = {secret:?}")).expect("written");
        let file = file.to_str().expect("a path");
        run(None, &["--config", file, "count", "a"]).expect(0);
        let failed_over = set.fail_over().expect("a failover");
        assert_eq!(failed_over, 1);
        let deleted = run(Some("watch"), &["--json", "delete", "--yes", "session:*"]).expect(0);
        assert_eq!(deleted.json()["deleted"], OTHERS);
    }
}
