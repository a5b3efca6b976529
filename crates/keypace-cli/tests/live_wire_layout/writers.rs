//! Writers in other languages beside what keypace does to a namespace: rebuilds that follow an old layout, and a move to
//! another owner key. Knows no key name but the application's own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use keypace::{OwnerKeys, PageRequest};
use keypace_lab::{ClusterOptions, Listen, OwnedCluster, OwnedServer, Program, ServerOptions};
use serde_json::json;

use crate::language::LANGUAGES;
use crate::{HOUR_MS, Play, Stage, connected, flush, owner, say, text};

async fn listed(stage: &Stage, keys: &OwnerKeys, whose: &str) -> BTreeMap<String, String> {
    let records = stage.open(keys).await;
    let first = PageRequest::first(100).expect("a page");
    let page = records.list(&owner(whose.as_bytes()), &first).await;
    let records = page.expect("listed").records.into_iter();
    records
        .map(|record| (record.id.to_string(), record.value.to_string()))
        .collect()
}

/// What a writer did while an old layout was followed is not undone by the switch.
#[tokio::test(flavor = "multi_thread")]
async fn snippets_leave_traces_while_an_old_layout_is_followed() {
    let program = Program::find().expect("a program");
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let server = OwnedServer::start(&program, options).expect("a server");
    let stage = Stage::new(vec![server.url()], "one").await;
    let mut raw = connected(&server);
    for language in LANGUAGES.iter().filter(|language| language.is_here()) {
        flush(&mut raw);
        let folder = tempfile::tempdir().expect("a folder");
        let file = language.write(folder.path());
        let keys_file = folder.path().join("keys.json");
        let keys = OwnerKeys::create(&keys_file).expect("made");
        for name in ["gone", "touched", "brief", "stays"] {
            let key = format!("session:{name}");
            say(
                &mut raw,
                &[b"SET", key.as_bytes(), br#"{"owner_api_key":"ann"}"#],
            );
        }
        let words = [
            "--budget",
            "off",
            "--json",
            "index",
            "rebuild",
            "session",
            "--keys",
            text(&keys_file),
        ];
        stage.home.run(words).expect(0);
        let mut play = Play::default();
        play.delete(b"ann", "gone", "delete true");
        play.touch(b"ann", "touched", HOUR_MS, "touch true");
        play.put(b"ann", "brief", &json!({}), &json!(1), "put");
        play.run(language, &file, &stage, &keys_file);
        // The touched one goes the old way, and stays the new way.
        say(&mut raw, &[b"DEL", b"session:touched"]);
        let again = stage.home.run(words).expect(0).json();
        assert_eq!(again["imported"], 0, "{}: {again}", language.name);
        assert_eq!(again["removed"], 0, "{}: {again}", language.name);
        let switch = [&words[..], &["--switch", "--yes"]].concat();
        stage.home.run(switch).expect(0);
        let ids: Vec<_> = listed(&stage, &keys, "ann").await.into_keys().collect();
        assert_eq!(ids, ["stays", "touched"], "{}", language.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_in_python_goes_on_while_owners_move() {
    if !LANGUAGES[0].is_here() {
        return;
    }
    let program = Program::find().expect("a program");
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let server = OwnedServer::start(&program, options).expect("a server");
    let alone = Stage::new(vec![server.url()], "one").await;
    let options = ClusterOptions::default().with_replicas(0);
    let cluster = OwnedCluster::start(&program, options).expect("a cluster");
    let in_cluster = Stage::new(cluster.urls(), "cluster").await;
    tokio::join!(moves(&alone), moves(&in_cluster));
}

async fn moves(stage: &Stage) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = LANGUAGES[0].write_rotating(folder.path());
    let keys_file = folder.path().join("keys.json");
    let before = OwnerKeys::create(&keys_file).expect("made");
    stage.open(&before).await;
    let stop = folder.path().join("stop");
    let arguments = [
        stage.urls[0].as_str(),
        stage.kind,
        text(&keys_file),
        text(folder.path()),
        text(&stop),
    ];
    let mut writer = LANGUAGES[0].start(&file, &arguments);
    let mut printed = BufReader::new(writer.stdout.take().expect("a pipe"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("a line");
    assert_eq!(line, "under way\n");
    let mut moved = Vec::new();
    tokio::task::block_in_place(|| {
        let keys = ["--keys", text(&keys_file)];
        let rekey = [&["--json", "index", "rekey", "session"], &keys[..]].concat();
        stage.home.run(&rekey).expect(0);
        // The first is killed on its way.
        let slowly = [
            &["--rate", "60", "--count", "10"],
            &rekey[..],
            &["--move", "--yes"],
        ]
        .concat();
        let (mut child, ..) =
            crate::common::under_way::under_way_until(&stage.home, &slowly, "matched", 20);
        child.kill().expect("a process of ours");
        child.wait().expect("it is gone");
        let report = stage
            .home
            .run([&rekey[..], &["--move", "--yes"]].concat())
            .expect(0)
            .json();
        moved.push(report["complete"].clone());
    });
    assert_eq!(moved, [true]);
    std::fs::write(&stop, "").expect("written");
    let mut known = String::new();
    printed.read_to_string(&mut known).expect("what it knows");
    assert!(writer.wait().expect("ended").success(), "the writer failed");
    let known: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&known).expect("JSON");
    expect_known(stage, &keys_file, &before, &known).await;
}

async fn expect_known(
    stage: &Stage,
    keys_file: &Path,
    before: &OwnerKeys,
    known: &BTreeMap<String, BTreeMap<String, String>>,
) {
    let keys = OwnerKeys::load(keys_file).expect("loaded");
    let mut records = 0;
    for (whose, own) in known {
        assert_eq!(&listed(stage, &keys, whose).await, own, "{whose}");
        let whose = owner(whose.as_bytes());
        assert_ne!(before.tag(&whose), keys.tag(&whose));
        records += own.len() as u64;
    }
    crate::expect_no_drift(&stage.verified(keys_file, 0), records);
}
