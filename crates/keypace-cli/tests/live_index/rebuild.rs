//! A rebuild beside writers of the old layout, stopped and killed ones, and the switch.

use std::sync::atomic::{AtomicBool, Ordering};

use keypace_lab::seed::SplitMix64;

use crate::common::under_way::{resumed, under_way, under_way_until};
use crate::common::{Home, gathered, only_file, servers, signal};
use crate::place::{Place, RECORDS, places};

const VERIFY: [&str; 6] = ["--budget", "off", "--json", "index", "verify", "session"];
const REBUILD: [&str; 6] = ["--budget", "off", "--json", "index", "rebuild", "session"];
/// Enough that a slow rebuild is still under way when its first lines have been read.
const MANY: usize = 3_000;

fn with(words: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    [words, more].concat()
}

/// Keys a second: a run takes six seconds, in which it is heard and stopped on any machine.
const SLOWLY: &str = "500";

/// What an application does, one step.
fn write(place: &Place, random: &mut SplitMix64) {
    let id = format!("w{}", random.next() % 200);
    let owner = format!("key-{}", random.next() % 5);
    let key = format!("session:{id}");
    match random.next() % 8 {
        0 => drop(place.run(&["DEL", &key])),
        1 => drop(place.run(&["PEXPIRE", &key, "1"])),
        2 => drop(place.run(&["PEXPIRE", &key, "3600000"])),
        _ => place.put(&id, &owner, &random.next().to_string()),
    }
}

#[test]
fn writers_go_on_the_old_way_until_the_switch() {
    for place in places() {
        place.seed();
        let seed = std::env::var("KEYPACE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(7);
        println!("KEYPACE_SEED={seed}");
        let has_followed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let home = &place.home;
            let has_followed = &has_followed;
            let rebuilding = scope.spawn(move || {
                for _ in 0..3 {
                    home.run(with(&REBUILD, &["--follow", "1000"])).expect(0);
                }
                has_followed.store(true, Ordering::Release);
            });
            let mut random = SplitMix64::new(seed);
            while !has_followed.load(Ordering::Acquire) && !rebuilding.is_finished() {
                write(&place, &mut random);
            }
            rebuilding.join().expect("rebuilt");
        });
        let lagging = with(&REBUILD, &["--switch", "--yes", "--from-replica"]);
        place.home.run(lagging).expect(2).says(&["--from-replica"]);
        // A switch that comes too early, or is not confirmed, changes nothing.
        place.put("late", "key-1", "");
        place.home.run(with(&REBUILD, &["--switch"])).expect(4);
        let last = with(&REBUILD, &["--follow", "1", "--switch", "--yes"]);
        let switched = place.home.run(last).expect(0).json();
        assert_eq!(
            (&switched["switched"], &switched["changed"]),
            (&true.into(), &0.into())
        );
        let report = place.home.run(VERIFY).expect(0).json();
        assert_eq!(report["records"], report["members"], "{report}");
        let old = place.keys("session:*");
        let is_record = |key: &&String| !key.starts_with("session:owner:");
        let records = old.iter().filter(is_record).count();
        assert_eq!(report["records"], records, "{report}");
        // The old layout counts no longer, and nothing of it was touched.
        place.put("later", "key-1", "");
        place.run(&["DEL", "session:s1"]);
        place.home.run(VERIFY).expect(0);
        place.home.run(REBUILD).expect(4).says(&["was switched"]);
        // What rebuild would have mended is said otherwise now.
        let key = place.record("s2");
        let value = format!(
            "k1 9000000000000000 1 1\n{}",
            crate::place::body("s2", "another", "")
        );
        place.run(&["SET", &key, &value]);
        let ran = place.home.run(with(&VERIFY, &["--repair"]));
        assert!(!ran.stderr.contains("index rebuild"), "{ran:?}");
        assert!(ran.stderr.contains("put them with their own"), "{ran:?}");
    }
}

/// A server that answers is not one that can't be reached.
#[test]
fn a_meta_of_another_type_and_a_full_server_are_told_as_such() {
    for server in servers() {
        let place = Place::from(server);
        place.seed();
        place.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        place.run(&["CONFIG", "SET", "maxmemory", "1"]);
        place.home.run(REBUILD).expect(1).says(&["OOM"]);
        place.run(&["CONFIG", "SET", "maxmemory", "0"]);
        place.run(&["SET", "kp:session:meta", "text"]);
        for words in [&VERIFY[..], &REBUILD[..]] {
            place.home.run(words).expect(4).says(&["is no hash"]);
        }
    }
}

/// Every old key, with its value and its time.
fn old_layout(place: &Place) -> Vec<(String, Option<Vec<u8>>, Option<i64>)> {
    let keys = place.keys("session:*").into_iter();
    keys.map(|key| {
        let value = place.run(&["DUMP", &key]).bytes().map(<[u8]>::to_vec);
        let expires = place.run(&["PEXPIRETIME", &key]).int();
        (key, value, expires)
    })
    .collect()
}

#[test]
fn nothing_of_the_old_layout_is_written() {
    for place in places() {
        place.seed();
        place.run(&["HSET", "session:hash", "a", "b"]);
        place.run(&["SET", "session:nobody", "{}"]);
        let before = old_layout(&place);
        place.home.run(REBUILD).expect(0);
        place.run(&["DEL", &place.record("s2")]);
        place.run(&["DEL", &place.index("s1", "c")]);
        place.home.run(with(&VERIFY, &["--repair"])).expect(1);
        place.home.run(with(&REBUILD, &["--follow", "1"])).expect(0);
        place
            .home
            .run(with(&REBUILD, &["--switch", "--yes"]))
            .expect(4)
            .says(&["1 old record without an owner", "index assign session"]);
        place
            .home
            .run(with(&REBUILD, &["--switch", "--yes", "--leave-unlisted"]))
            .expect(0);
        assert_eq!(old_layout(&place), before, "{}", place.name());
    }
}

/// The application changes records faster than a pass goes by.
#[test]
fn what_goes_on_changing_is_not_switched() {
    let server = servers().remove(0);
    let place = Place::from(server);
    place.seed();
    place.home.run(REBUILD).expect(0);
    for round in 0..RECORDS {
        place.put(&format!("s{round}"), "key-9", "moved");
    }
    let ran = place
        .home
        .run(with(&REBUILD, &["--follow", "1", "--max-passes", "1"]));
    let report = ran.expect(1).says(&["--max-passes"]).json();
    assert_eq!(report["complete"], false, "{report}");
    // Each has moved from one owner to another.
    assert_eq!(
        (&report["imported"], &report["removed"]),
        (&RECORDS.into(), &RECORDS.into())
    );
    place.home.run(VERIFY).expect(0);
}

fn many(place: &Place) {
    // The key file is made, and told of.
    place.home.run(REBUILD).expect(0);
    for number in 0..MANY {
        let owner = format!("key-{}", number % 50);
        let id = format!("m{number}");
        let body = crate::place::body(&id, &owner, "");
        place.run(&["SET", &format!("session:{id}"), &body]);
    }
}

#[test]
fn a_stopped_rebuild_goes_on_where_it_was() {
    for place in places() {
        many(&place);
        let words = [
            "--rate", SLOWLY, "--budget", "off", "--json", "--count", "50", "index", "rebuild",
            "session",
        ];
        let (child, seen, stderr) = under_way_until(&place.home, &words, "matched", 1);
        signal(&child, "INT");
        let mut ran = gathered(child, seen, stderr).expect(130);
        // The rate held the first run back so that it could be interrupted.
        ran.stderr = ran
            .stderr
            .replace(&format!("--rate {SLOWLY}"), "--rate 4000");
        let before = ran.json();
        assert_eq!(before["complete"], false, "{before}");
        let file = only_file(&place.home.state());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file)
                .expect("a file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let after = resumed(&place.home, &ran).expect(0).json();
        assert_eq!(after["complete"], true, "{after}");
        assert_eq!(after["passes"], 1, "{after}");
        let scanned = after["scanned"].as_u64().expect("a number");
        // A cluster's node that was walked whole and not yet proven is walked once more.
        assert!((MANY as u64..2 * MANY as u64).contains(&scanned), "{after}");
        assert!(
            after["imported"].as_u64() > before["imported"].as_u64(),
            "{after}"
        );
        place.home.run(VERIFY).expect(0);
        // It is this command's place, and no other's.
        let file = file.to_str().expect("a path");
        let ran = place.home.run(["scan", "session:*", "--resume", file]);
        assert_eq!(ran.code, 4, "{ran:?}");
    }
}

#[test]
fn a_killed_rebuild_goes_on_where_it_was() {
    for place in places() {
        many(&place);
        let file = place.home.path("place");
        let file = file.to_str().expect("a path");
        let words = [
            "--budget",
            "off",
            "--count",
            "50",
            "index",
            "rebuild",
            "session",
            "--checkpoint",
            file,
        ];
        let (mut child, ..) = under_way(&place.home, &words, "matched");
        // The place is kept twice a second.
        while !std::path::Path::new(file).exists() {
            std::thread::yield_now();
        }
        child.kill().expect("a process of ours");
        child.wait().expect("it is gone");
        let again = [
            "--budget", "off", "--json", "index", "rebuild", "session", "--resume", file,
        ];
        let after = place.home.run(again).expect(0).json();
        assert_eq!(after["complete"], true, "{after}");
        assert!(after["scanned"].as_u64() >= Some(MANY as u64), "{after}");
        let report = place.home.run(VERIFY).expect(0).json();
        assert_eq!(report["records"], MANY, "{report}");
    }
}

#[test]
fn a_namespace_of_nothing_and_keys_of_another() {
    for server in servers() {
        let place = Place::from(server);
        place
            .home
            .run(VERIFY)
            .expect(0)
            .says(&["nothing to verify"]);
        place.seed();
        let keys = place.home.path("config/keypace/owner-keys/session.json");
        assert!(!keys.exists(), "a look makes no key file");
        place.home.run(REBUILD).expect(0).says(&["key file"]);
        assert!(keys.exists());
        // Somebody else's home: no key file, or another.
        let other = Home::with_url(&place.name());
        for words in [&VERIFY[..], &REBUILD[..]] {
            other.run(words).expect(4).says(&["no key file"]);
        }
        let made = Home::with_url(&place.name());
        let file = made.path("keys.json");
        let text = format!("{{\"keys\":[\"{}\"]}}", "ab".repeat(32));
        std::fs::write(&file, text).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&file, private).expect("set");
        }
        let file = file.to_str().expect("a path").to_owned();
        for words in [&VERIFY[..], &REBUILD[..]] {
            let words: Vec<&str> = words.iter().copied().chain(["--keys", &file]).collect();
            made.run(words).expect(4).says(&["copy the key file"]);
        }
        // The old layout that it follows is remembered, and another one is refused.
        let ran = place.home.run(with(&REBUILD, &["--old-prefix", "sess:"]));
        ran.expect(4).says(&["--old-prefix"]);
    }
}
