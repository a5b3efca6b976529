//! What deletes and writes. Each gives its cell of the table, and fails where something is left, lost or said wrongly.

use keypace_lab::OwnedCluster;

use crate::common::Home;
use crate::common::clusters::{KEYS, OTHERS, key_count, lone, seed};
use crate::stage::Stage;

fn yes() -> String {
    "yes".to_owned()
}

pub(crate) fn delete(stage: &mut Stage) -> String {
    let model = stage.seed();
    stage.forget();
    let summary = stage.summary(&["delete", "--yes", "hash:*"]);
    assert_eq!(summary["deleted"], 120, "{summary}");
    assert_eq!(stage.keys_left(), model.len() as i64 - 120);
    let (unlinks, dels) = (stage.calls("unlink"), stage.calls("del"));
    match (unlinks > 0, dels > 0) {
        (true, false) => "by UNLINK".to_owned(),
        (false, true) => "by DEL".to_owned(),
        both => panic!("UNLINK and DEL: {both:?}"),
    }
}

pub(crate) fn verify(stage: &mut Stage) -> String {
    stage.seed();
    const VERIFIED: &str = "walked once more: nothing matches any more";
    let ran = stage.run(&["delete", "--yes", "hash:*"]).expect(0);
    if ran.stderr.contains(VERIFIED) || ran.text().contains(VERIFIED) {
        ran.says(&["SCAN of this server can miss keys"]);
        return "always: SCAN can miss keys".to_owned();
    }
    let asked = stage
        .run(&["delete", "--yes", "--verify", "list:*"])
        .expect(0);
    assert!(
        asked.stderr.contains(VERIFIED) || asked.text().contains(VERIFIED),
        "{asked:?}"
    );
    "with `--verify`".to_owned()
}

pub(crate) fn filtered(stage: &mut Stage) -> String {
    stage.seed();
    stage.forget();
    let summary = stage.summary(&["delete", "--yes", "--has-ttl", "string:*"]);
    assert_eq!(summary["deleted"], 40, "{summary}");
    assert_eq!(stage.counted(&["string:*"]), 81);
    if stage.calls("watch") > 0 {
        "by WATCH".to_owned()
    } else {
        assert!(stage.calls("evalsha") + stage.calls("eval") > 0);
        "by script".to_owned()
    }
}

pub(crate) fn shrunk(stage: &mut Stage) -> String {
    const ELEMENTS: usize = 5000;
    for (command, key) in [
        ("SADD", "big:set"),
        ("RPUSH", "big:list"),
        ("ZADD", "big:zset"),
        ("HSET", "big:hash"),
    ] {
        for chunk in (0..ELEMENTS).collect::<Vec<_>>().chunks(500) {
            for n in chunk {
                let n = n.to_string().into_bytes();
                match command {
                    "ZADD" | "HSET" => stage.say(&[command.as_bytes(), key.as_bytes(), &n, &n]),
                    _ => stage.say(&[command.as_bytes(), key.as_bytes(), &n]),
                };
            }
        }
    }
    stage.forget();
    let summary = stage.summary(&["delete", "--yes", "big:*"]);
    assert_eq!(
        (&summary["deleted"], stage.keys_left()),
        (&4.into(), 0),
        "{summary}"
    );
    let steps: u64 = ["srem", "hdel", "ltrim", "zremrangebyrank", "zrem"]
        .iter()
        .map(|command| stage.calls(command))
        .sum();
    if stage.calls("unlink") > 0 {
        assert_eq!(steps, 0);
        "freed in the background".to_owned()
    } else {
        assert!(steps >= 4 * (ELEMENTS as u64 / 1000 - 1), "{steps} steps");
        "in steps".to_owned()
    }
}

pub(crate) fn undone(stage: &mut Stage) -> String {
    let model = stage.seed();
    let mut before = Vec::new();
    for (key, (kind, _)) in &model {
        before.push(stage.content(key, kind));
    }
    let file = stage.home().path("undo.kpb");
    let file = file.to_str().expect("a path");
    let gone = stage.summary(&["delete", "--yes", "--all", "--backup", file, "*"]);
    assert_eq!(
        (&gone["deleted"], stage.keys_left()),
        (&model.len().into(), 0),
        "{gone}"
    );
    let back = stage.summary(&["restore", file]);
    assert_eq!(
        (&back["restored"], &back["failed"]),
        (&model.len().into(), &0.into()),
        "{back}"
    );
    for ((key, (kind, expires)), was) in model.iter().zip(&before) {
        assert_eq!(&stage.content(key, kind), was, "{}", key.escape_ascii());
        let left = stage.say(&[b"TTL", key]).int().expect("a number");
        // It was 1000 s, and a busy machine may have been slow.
        let is_right = if *expires {
            (500..=1000).contains(&left)
        } else {
            left == -1
        };
        assert!(is_right, "{} has a TTL of {left}", key.escape_ascii());
    }
    yes()
}

pub(crate) fn replaced(stage: &mut Stage) -> String {
    stage.seed();
    let file = stage.home().path("undo.kpb");
    let file = file.to_str().expect("a path");
    stage.summary(&["delete", "--yes", "--backup", file, "list:*"]);
    stage.say(&[b"RPUSH", b"list:0", b"newer"]);
    let ran = stage.run(&["restore", "--replace", "--yes", file]);
    if ran.code == 1 {
        ran.says(&["before 3.0", "without --replace"]);
        stage.summary(&["restore", file]);
        assert_eq!(stage.content(b"list:0", "list"), [b"newer"]);
        assert_eq!(stage.content(b"list:1", "list"), [b"a", b"b", b"c"]);
        return "no: RESTORE has no REPLACE".to_owned();
    }
    ran.expect(0);
    assert_eq!(stage.content(b"list:0", "list"), [b"a", b"b", b"c"]);
    yes()
}

pub(crate) fn index(stage: &mut Stage) -> String {
    const RECORDS: usize = 50;
    for n in 0..RECORDS {
        let key = format!("session:{n}");
        let value = r#"{"owner_api_key":"key","created_at":"2026-01-01T00:00:00Z"}"#;
        stage.say(&[b"SET", key.as_bytes(), value.as_bytes()]);
    }
    let rebuilt = stage.run(&["index", "rebuild", "session"]);
    if rebuilt.code == 4 {
        rebuilt.says(&["scripts", "Redis 3.2"]);
        assert_eq!(stage.counted(&["session:*"]), RECORDS as u64);
        return "no: scripts can't tell replicas what they did".to_owned();
    }
    let rebuilt = rebuilt.expect(0);
    assert!(
        rebuilt.stderr.contains("imported 50 of 50")
            || rebuilt.text().contains("imported 50 of 50"),
        "{rebuilt:?}"
    );
    stage.run(&["index", "verify", "session"]).expect(0);
    yes()
}

/// Three primaries, each walked whole.
pub(crate) fn cluster(stage: &mut Stage) -> String {
    if stage.program().version.starts_with("2.") {
        return "there are none".to_owned();
    }
    let cluster = OwnedCluster::start(stage.program(), lone()).expect("a cluster");
    seed(&cluster);
    let home = Home::with_url(&cluster.urls()[0]);
    let summary = |words: &[&str]| {
        let json = home.run(words).expect(0).json();
        assert_eq!(json["complete"], true, "{json}");
        assert_eq!(json["shards"].as_array().map(Vec::len), Some(3), "{json}");
        json
    };
    let all = summary(&["--json", "count", "*"]);
    assert_eq!(all["matched"], KEYS + OTHERS, "{all}");
    let gone = summary(&["--json", "delete", "--yes", "session:*"]);
    assert_eq!(gone["deleted"], KEYS, "{gone}");
    assert_eq!(key_count(&cluster), OTHERS);
    yes()
}
