//! Lists of one owner, as lines of JSON and as a table, and what is refused.

use serde_json::Value;

use crate::common::Ran;
use crate::place::{Place, RECORDS, places};

const LIST: [&str; 5] = ["--json", "index", "list", "session", "--limit"];

fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.text().lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn ids(lines: &[Value]) -> Vec<String> {
    let id = |line: &Value| line["id"].as_str().expect("an id").to_owned();
    lines.iter().map(id).collect()
}

/// All of one owner, page by page.
fn walked(place: &Place, owner: &str, limit: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let cursor = all
            .last()
            .map(|line| line["cursor"].as_str().expect("a cursor").to_owned());
        let mut words: Vec<&str> = LIST.to_vec();
        words.extend([limit, "--owner", owner]);
        if let Some(cursor) = &cursor {
            words.extend(["--after", cursor]);
        }
        let page = lines(&place.home.run(words).expect(0));
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn an_owner_s_records_come_newest_first_and_page_by_page() {
    for place in places() {
        for number in 0..RECORDS {
            let owner = format!("key-{}", number % 3);
            let body = format!(
                r#"{{"owner_api_key":"{owner}","created_at":"2026-11-21T14:{:02}:00"}}"#,
                number % 20
            );
            place.run(&["SET", &format!("session:s{number:02}"), &body]);
        }
        place.run(&["PEXPIRE", "session:s06", "3600000"]);
        let refused =
            "Owner filter (--owner) is required for listing; unscoped listing is prohibited.";
        place
            .home
            .run(["index", "list", "session"])
            .expect(4)
            .says(&[refused]);
        let unmade = ["index", "list", "session", "--owner", "key-0"];
        place
            .home
            .run(unmade)
            .expect(4)
            .says(&["keypace index rebuild session"]);
        place
            .home
            .run(["--budget", "off", "index", "rebuild", "session"])
            .expect(0);

        let all = walked(&place, "key-0", "7");
        let mut expected: Vec<(i64, String)> = (0..RECORDS)
            .filter(|number| number % 3 == 0)
            .map(|number| (-((number % 20) as i64), format!("s{number:02}")))
            .collect();
        expected.sort();
        let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids(&all), expected, "{}", place.name());
        assert_eq!(ids(&walked(&place, "key-0", "1000")), expected);
        let line = all.iter().find(|line| line["id"] == "s06").expect("listed");
        assert_eq!(line["created_at"], "2026-11-21T14:06:00.000Z", "{line}");
        assert!(
            line["expires_at"].is_string() && line["version"] == 1,
            "{line}"
        );
        assert_eq!(line["value"]["owner_api_key"], "key-0", "{line}");
        assert!(all[0]["expires_at"].is_null(), "{}", all[0]);
        // Nobody else's, whatever an owner is called.
        for owner in ["key-9", "*", "key-?", "key-0}", "key-0 "] {
            assert!(walked(&place, owner, "20").is_empty(), "{owner}");
        }

        // As it was stored: the order of its fields, and numbers that no float holds.
        let odd = "{\"z\": 12345678901234567890123,\n\"owner_api_key\":\"odd\",\"a\":1.10}";
        place.run(&["SET", "session:odd", odd]);
        place
            .home
            .run(["--budget", "off", "index", "rebuild", "session"])
            .expect(0);
        let words = ["--json", "index", "list", "session", "--owner", "odd"];
        let ran = place.home.run(words).expect(0);
        assert!(ran.text().contains(&odd.replace('\n', " ")), "{ran:?}");
        assert_eq!(lines(&ran).len(), 1);

        let file = place.home.path("owner");
        std::fs::write(&file, "key-1\n").expect("written");
        let file = file.to_str().expect("a path");
        let ran = place.home.run([
            "index",
            "list",
            "session",
            "--owner-file",
            file,
            "--limit",
            "5",
        ]);
        let ran = ran.expect(0);
        assert!(ran.text().contains("5 of 20 records"), "{ran:?}");
        assert!(
            ran.stderr.contains("for the next page:\n") && ran.stderr.contains("--after "),
            "{ran:?}"
        );
        // A key in a line of a shell would be one too many.
        assert!(!ran.stderr.contains("key-1"), "{ran:?}");
        let ran = place
            .home
            .run(["index", "list", "session", "--owner", "a", "--after", "x"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        let ran = place.home.run(["index", "list", "a b", "--owner", "a"]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}
