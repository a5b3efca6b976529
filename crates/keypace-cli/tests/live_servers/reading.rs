//! What only reads: walks, filters, figures. Each gives its cell of the table, and fails where the answer is wrong.

use keypace_lab::Value;

use crate::stage::{Model, Stage};

fn names(model: &Model, mut is_wanted: impl FnMut(&(&'static str, bool)) -> bool) -> Vec<Vec<u8>> {
    let wanted = model.iter().filter(|(_, what)| is_wanted(what));
    wanted.map(|(name, _)| name.clone()).collect()
}

fn yes() -> String {
    "yes".to_owned()
}

pub(crate) fn walk(stage: &mut Stage) -> String {
    let model = stage.seed();
    assert_eq!(stage.scanned(&["*"]), names(&model, |_| true));
    yes()
}

pub(crate) fn types(stage: &mut Stage) -> String {
    let model = stage.seed();
    stage.forget();
    for kind in ["string", "list", "hash", "set", "zset"] {
        let expected = names(&model, |(own, _)| *own == kind);
        assert_eq!(stage.scanned(&["--type", kind, "*"]), expected, "{kind}");
    }
    if stage.calls("type") == 0 {
        "in SCAN".to_owned()
    } else {
        "by TYPE".to_owned()
    }
}

pub(crate) fn count(stage: &mut Stage) -> String {
    let model = stage.seed();
    assert_eq!(stage.counted(&["*"]), model.len() as u64);
    assert_eq!(stage.counted(&["list:1*"]), 31, "1, 10 to 19, 100 to 119");
    yes()
}

pub(crate) fn ttl(stage: &mut Stage) -> String {
    let model = stage.seed();
    let expiring = names(&model, |(_, expires)| *expires);
    assert_eq!(stage.scanned(&["--has-ttl", "*"]), expiring);
    assert_eq!(stage.scanned(&["--ttl-under", "2000s", "*"]), expiring);
    assert_eq!(stage.counted(&["--ttl-over", "2000s", "*"]), 0);
    assert_eq!(
        stage.scanned(&["--no-ttl", "*"]),
        names(&model, |(_, expires)| !expires)
    );
    yes()
}

/// Idle keys are made by RESTORE where it can; elsewhere there are none, and none may be found.
pub(crate) fn idle(stage: &mut Stage) -> String {
    stage.seed();
    let payload = stage.say(&[b"DUMP", b"list:0"]);
    let payload = payload.bytes().expect("a payload").to_vec();
    let words: [&[u8]; 6] = [b"RESTORE", b"old", b"0", &payload, b"IDLETIME", b"7200"];
    let can_be_made = !matches!(stage.ask(&words), Value::Error(_));
    let ran = stage.run(&["--json", "count", "--idle-over", "1h", "*"]);
    if ran.code == 4 {
        ran.says(&["before 3.0", "leave --idle-over out"]);
        return "no: TYPE and TTL make keys young".to_owned();
    }
    let matched = ran.expect(0).json()["matched"].as_u64();
    assert_eq!(matched, Some(u64::from(can_be_made)));
    yes()
}

pub(crate) fn lfu(stage: &mut Stage) -> String {
    stage.seed();
    let words: [&[u8]; 4] = [b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lfu"];
    if let Value::Error(text) = stage.ask(&words) {
        assert!(text.to_lowercase().contains("invalid argument"), "{text}");
        return "there is none".to_owned();
    }
    let refused = stage.run(&["count", "--idle-over", "1h", "*"]).expect(4);
    refused.says(&["allkeys-lfu", "LRU"]);
    stage.run(&["inspect"]).expect(0);
    "refused".to_owned()
}

pub(crate) fn size(stage: &mut Stage) -> String {
    stage.seed();
    stage.say(&[b"SET", b"huge", &[b'x'; 100_000]]);
    assert_eq!(stage.scanned(&["--size-over", "50KiB", "*"]), [b"huge"]);
    let shown = stage.run(&["scan", "--with", "size", "set:1"]).expect(0);
    if shown.stderr.contains("tells no memory") {
        assert_eq!(shown.text(), "set:1\t3\n");
        "by elements, and bytes of strings".to_owned()
    } else {
        "by MEMORY USAGE".to_owned()
    }
}

pub(crate) fn stats(stage: &mut Stage) -> String {
    let model = stage.seed();
    let json = stage.summary(&["stats"]);
    assert_eq!(json["keys"], model.len(), "{json}");
    let prefixes = json["prefixes"].as_array().expect("a list");
    for kind in ["string", "list", "hash", "set", "zset"] {
        let row = prefixes
            .iter()
            .find(|row| row["prefix"] == format!("{kind}:"))
            .unwrap_or_else(|| panic!("no row for {kind}: in {json}"));
        let expected = names(&model, |(own, _)| *own == kind).len();
        assert_eq!(row["types"][kind], expected, "{row}");
        assert_eq!(row["keys"], expected, "{row}");
    }
    if json["bytes"].as_u64() > Some(0) {
        "with bytes".to_owned()
    } else {
        "without bytes".to_owned()
    }
}

pub(crate) fn inspect(stage: &mut Stage) -> String {
    stage.seed();
    stage.say(&[b"KEYS", b"string:1*"]);
    let ran = stage.run(&["inspect"]).expect(0);
    let label = stage.label();
    assert!(
        ran.text().to_lowercase().contains(&label),
        "{label}: {ran:?}"
    );
    assert!(ran.text().contains("KEYS was called once"), "{ran:?}");
    yes()
}

pub(crate) fn keys(stage: &mut Stage) -> String {
    let model = stage.seed();
    stage.forget();
    let all = names(&model, |_| true);
    assert_eq!(stage.scanned(&["--use-keys", "*"]), all);
    assert_eq!((stage.calls("keys"), stage.calls("scan")), (1, 0));
    yes()
}

/// The rows that `inspect --capabilities` tells.
pub(crate) fn capabilities(stage: &mut Stage) -> Vec<(String, String)> {
    // By chance few keys lie in the order of their slots.
    stage.seed();
    let json = stage.summary(&["inspect", "--capabilities"]);
    let node = &json["nodes"][0];
    let capabilities = node["capabilities"].as_object().expect("an object");
    let rows = capabilities.iter().map(|(name, has)| {
        let has = has.as_str().expect("a word");
        (format!("server: {name}"), has.to_owned())
    });
    rows.collect()
}
