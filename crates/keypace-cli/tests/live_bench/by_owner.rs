//! One owner's sessions among those of many: what `keypace bench` shows of them, and that the records that it seeds past
//! their scripts are true. Compares no times.

use keypace::{
    ConnectOptions, Keyspace, Namespace, Owner, OwnerKeys, PageRequest, Records, Target,
};
use keypace_lab::{Program, seed};
use serde_json::Value;

use super::raw;
use crate::common::{Home, finished, servers};

#[test]
fn one_owner_s_sessions_are_for_people_too_and_not_among_millions() {
    let home = Home::new();
    let program = Program::find().expect("a server program");
    let mut command = home.keypace(["bench", "--keys", "60,100001", "--only", "owner"]);
    command.env(keypace_lab::SERVER_VARIABLE, &program.path);
    let ran = finished(command).expect(0);
    for part in ["60 keys of 120", "one owner", "SMEMBERS, GET", "index page"] {
        assert!(ran.text().contains(part), "{part} is not in {}", ran.text());
    }
    assert!(
        ran.text().contains("among 100,000 at most"),
        "{}",
        ran.text()
    );
    assert!(!ran.text().contains("100,001 keys"), "{}", ran.text());
    assert!(
        ran.stderr
            .contains("1 of 6: list one owner's of 60 keys by KEYS, GET"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn seeded_records_are_ones_that_verify_finds_true() {
    for server in servers() {
        let home = Home::new();
        let path = home.path("owner-keys.json");
        let keys = OwnerKeys::create(&path).expect("a key file");
        let target = Target::parse(&server.url()).expect("an address");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("a connection");
        let namespace = Namespace::new("seeded").expect("a name");
        let opened = Records::<Value>::open(&keyspace, namespace, keys.clone()).await;
        let records = opened.expect("records");
        let owner = |number: u64| Owner::new(format!("owner-{number}")).expect("an owner");
        let owners = || {
            (0..3).map(|number| seed::OwnerRecords {
                tag: keys.tag(&owner(number)).as_str().to_owned(),
                numbers: number * 150..(number + 1) * 150,
            })
        };
        let body = |number| format!(r#"{{"owner_api_key":"owner-{}"}}"#, number / 150);
        let mut raw = raw(&server);
        seed::records(&mut raw, "seeded", owners(), body).expect("records");
        seed::record_index(&mut raw, "seeded", owners()).expect("an index");

        let (listed, first) = (owner(1), PageRequest::first(2).expect("a request"));
        let page = records.list(&listed, &first).await.expect("a page");
        let ids: Vec<&str> = page
            .records
            .iter()
            .map(|record| record.id.as_str())
            .collect();
        assert_eq!((ids, page.total), (vec!["s299", "s298"], 150));
        let (url, path) = (server.url(), path.to_string_lossy().into_owned());
        let typed = [
            "--json", "--url", &url, "index", "verify", "seeded", "--keys", &path,
        ];
        let found = home.run(typed).expect(0).json();
        assert_eq!(
            (&found["records"], &found["members"]),
            (&450.into(), &450.into())
        );
        let drift = found["drift"].as_object().expect("drift");
        assert!(drift.values().all(|count| *count == 0), "{found}");
    }
}
