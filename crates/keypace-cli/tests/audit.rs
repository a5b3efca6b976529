//! `keypace audit` as a script sees it: flags, exit codes, forms, baseline, the project's table. Starts no server.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;
use std::path::Path;

use common::{Home, Ran, finished};

const BAD: &str = "import redis, sys\n\nr = redis.Redis()\nr.keys(sys.argv[1])\n";

/// In a folder of its own, so that its `keypace.toml` is the project's.
fn run(home: &Home, folder: &Path, words: &[&str]) -> Ran {
    let mut command = home.keypace(["audit"].iter().chain(words));
    command.current_dir(folder);
    finished(command)
}

fn tree(home: &Home) -> std::path::PathBuf {
    let folder = home.path("tree");
    fs::create_dir_all(folder.join("src")).expect("folder");
    fs::write(folder.join("src/a.py"), BAD).expect("write");
    folder
}

#[test]
fn exit_codes_are_the_contracts() {
    let home = Home::new();
    let folder = tree(&home);
    run(&home, &folder, &["."]).expect(1);
    run(&home, &folder, &["--fail-on", "never", "."]).expect(0);
    run(&home, &folder, &["--exclude", "src/", "."]).expect(0);
    run(&home, &folder, &["none"])
        .expect(2)
        .says(&["failed to read none", "hint: "]);
    run(&home, &folder, &["--fail-on", "worst", "."]).expect(2);
    run(&home, &folder, &["--exclude", "a[", "."])
        .expect(2)
        .says(&["a["]);
    run(&home, &folder, &["--explain", "none"])
        .expect(2)
        .says(&["--list-rules"]);
    run(&home, &folder, &[]).expect(2).says(&["PATH"]);
    let outside = run(&home, &folder, &["--changed-since", "HEAD", "."]);
    outside.expect(2).says(&["git", "hint: "]);
}

#[test]
fn rules_are_listed_and_explained() {
    let home = Home::new();
    let listed = run(&home, Path::new("."), &["--list-rules"]).expect(0);
    assert_eq!(listed.text().lines().count(), 16, "{listed:?}");
    for line in listed.text().lines() {
        let id = line.split(' ').next().expect("an id");
        let told = run(&home, Path::new("."), &["--explain", id]).expect(0);
        assert!(told.text().contains(id), "{told:?}");
        assert!(told.text().contains("What to write instead"), "{told:?}");
    }
}

#[test]
fn forms_are_text_json_and_sarif() {
    let home = Home::new();
    let folder = tree(&home);
    let text = run(&home, &folder, &["."]).expect(1);
    assert!(text.text().starts_with("error[keys-command]: "), "{text:?}");
    assert!(text.text().contains(" --> src/a.py:4:3\n"), "{text:?}");
    for words in [&["--format", "json", "src"][..], &["--json", "src"]] {
        let json = run(&home, &folder, words).expect(1).json();
        assert_eq!(json["files"], 1);
        assert_eq!(json["findings"][0]["file"], "a.py");
        assert_eq!(json["findings"][0]["line"], 4);
    }
    let sarif = run(&home, &folder, &["--format", "sarif", "src"])
        .expect(1)
        .json();
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/a.py");
    assert_eq!(place["region"]["startLine"], 4);
    run(&home, &folder, &["--json", "--format", "sarif", "."]).expect(2);
}

#[test]
fn a_baseline_is_begun_and_then_only_new_findings_count() {
    let home = Home::new();
    let folder = tree(&home);
    let words = ["--baseline", "baseline.json", "."];
    run(&home, &folder, &words)
        .expect(1)
        .says(&["there was no baseline", "1 findings"]);
    run(&home, &folder, &words).expect(0);
    fs::write(folder.join("src/b.py"), BAD).expect("write");
    let json = run(
        &home,
        &folder,
        &["--json", "--baseline", "baseline.json", "."],
    )
    .expect(1)
    .json();
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["findings"][0]["file"], "src/b.py");
    fs::write(folder.join("baseline.json"), "[]").expect("write");
    run(&home, &folder, &words).expect(2).says(&["baseline"]);
}

#[test]
fn a_report_in_json_is_a_baseline() {
    let home = Home::new();
    let folder = tree(&home);
    let report = run(&home, &folder, &["--format", "json", "."]).expect(1);
    fs::write(folder.join("kept.json"), &report.stdout).expect("write");
    run(&home, &folder, &["--baseline", "kept.json", "."]).expect(0);
}

#[test]
fn the_project_s_table_is_heeded_and_checked() {
    let home = Home::new();
    let folder = tree(&home);
    let project = folder.join("keypace.toml");
    fs::write(&project, "[audit]\nfail_on = \"never\"\n").expect("write");
    run(&home, &folder, &["."]).expect(0);
    run(&home, &folder, &["--fail-on", "high", "."]).expect(1);
    fs::write(&project, "[audit]\nexclude = [\"src/\"]\n").expect("write");
    run(&home, &folder, &["."]).expect(0);
    fs::write(&project, "[audit]\nfailon = \"never\"\n").expect("write");
    run(&home, &folder, &["."])
        .expect(2)
        .says(&["keypace.toml", "failon"]);
}
