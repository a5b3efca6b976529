//! Every fixture says on its lines what a reviewer would say, and the auditor has to say the same.
//! Must not look into the auditor: a fixture is audited as a user's file would be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keypace_audit::{Audit, Confidence, Options};

/// What stands in a fixture's line.
struct Mark {
    line: usize,
    rule: String,
    least: Confidence,
}

/// Lines that a reviewer sees otherwise than the auditor does, until someone teaches it. A line leaves the list when the
/// auditor gets it right, and none is added by an edit that makes another worse without being seen in review.
const OPEN: &str = include_str!("../fixtures/open.txt");

/// The page that has a row for each client's fixture.
const CLIENTS_PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-clients.md");

/// The folder whose files are a client each, and not a rule.
const CLIENTS: &str = "clients";

/// Folders whose files are not about one rule: a client each, or a program.
const WHOLE: [&str; 2] = [CLIENTS, "programs"];

/// The generated page. Written anew with `KEYPACE_WRITE_DOCS=1`.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-rules.md");

#[test]
fn fixtures_find_what_they_expect_and_nothing_else() {
    let files = fixtures();
    assert!(!files.is_empty(), "no fixtures found");
    let mut wrong = String::new();
    for file in &files {
        check(file, &folder(file), &mut wrong);
    }
    let known: BTreeSet<&str> = OPEN.lines().filter(|line| !line.starts_with('#')).collect();
    let now: BTreeSet<&str> = wrong.lines().collect();
    let new: Vec<&str> = now.difference(&known).copied().collect();
    let mended: Vec<&str> = known.difference(&now).copied().collect();
    assert!(
        new.is_empty(),
        "fixtures and findings differ:\n{}",
        new.join("\n")
    );
    assert!(
        mended.is_empty(),
        "take these out of fixtures/open.txt, they are right now:\n{}",
        mended.join("\n")
    );
}

#[test]
fn the_page_of_rules_is_that_of_the_fixtures() {
    let page = page();
    if std::env::var_os("KEYPACE_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &page).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == page,
        "docs/audit-rules.md is old: run this test with KEYPACE_WRITE_DOCS=1"
    );
}

/// Marks by rule and language.
fn page() -> String {
    let mut counts: BTreeMap<(String, &str), [usize; 3]> = BTreeMap::new();
    for file in fixtures() {
        let text = std::fs::read_to_string(&file).expect("a fixture can be read");
        let count = counts.entry((folder(&file), column(&file))).or_default();
        count[0] += text.matches("expect: ").count();
        count[1] += text
            .lines()
            .filter(|line| line.trim_end().ends_with("ok") || line.contains(" ok "))
            .count();
        let prefix = format!("{}:", short(&file));
        count[2] += OPEN
            .lines()
            .filter(|line| line.starts_with(&prefix))
            .count();
    }
    let mut page = String::from(PAGE_HEAD);
    let _ = writeln!(page, "| rule | {} |", LANGUAGES.join(" | "));
    let _ = writeln!(page, "|---|{}", "---|".repeat(LANGUAGES.len()));
    for rule in keypace_audit::rules() {
        let cells = LANGUAGES.map(
            |language| match counts.get(&(rule.id.to_owned(), language)) {
                None => "-".to_owned(),
                Some([expect, ok, 0]) => format!("{expect} / {ok}"),
                Some([expect, ok, open]) => format!("{expect} / {ok}, {open} open"),
            },
        );
        let _ = writeln!(page, "| `{}` | {} |", rule.id, cells.join(" | "));
    }
    page.push_str("\n## The rules\n");
    for rule in keypace_audit::rules() {
        let _ = write!(
            page,
            "\n### {}\n{} ({}). {}\n",
            rule.id, rule.title, rule.severity, rule.why
        );
    }
    page
}

const PAGE_HEAD: &str = "# The rules of `keypace audit`, and what they are tested on
This page is generated from the rules and their fixtures (`crates/keypace-audit/fixtures`): a test compares it.

A cell is *expect / ok*: lines that have to be found, and lines that look alike and have to stay quiet. *open* counts the
lines that the auditor sees otherwise than the reviewer who marked them; they are listed in `fixtures/open.txt`. A pair
without fixtures (-) has none where the language has no client or framework that the rule could speak of, or none that
differs from another language's: `framework-default-keys` is about Spring, Django, Rails, Laravel and Node's cache-manager,
`xargs-unsafe` about the shell and strings that are given to it, `scan-cursor-as-number` about languages whose usual numbers
are too small for a cursor.

";

const LANGUAGES: [&str; 12] = [
    "Python",
    "TypeScript, JavaScript",
    "Ruby",
    "Go",
    "Java",
    "Kotlin",
    "PHP",
    "C#",
    "Rust",
    "Elixir",
    "Lua",
    "shell",
];

fn column(file: &Path) -> &'static str {
    use keypace_audit::Language as L;
    match L::of_path(file).expect("a fixture is in a language that is read") {
        L::Python => "Python",
        L::JavaScript | L::TypeScript | L::Tsx => "TypeScript, JavaScript",
        L::Ruby => "Ruby",
        L::Go => "Go",
        L::Java => "Java",
        L::Kotlin => "Kotlin",
        L::Php => "PHP",
        L::CSharp => "C#",
        L::Rust => "Rust",
        L::Elixir => "Elixir",
        L::Lua => "Lua",
        L::Shell => "shell",
    }
}

/// The rule whose folder a fixture stands in.
fn folder(file: &Path) -> String {
    let name = file.parent().and_then(Path::file_name);
    name.expect("a fixture stands in its rule's folder")
        .to_string_lossy()
        .into_owned()
}

/// `RULE/FILE`.
fn short(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("{}/{name}", folder(file))
}

#[test]
fn every_client_has_its_row_and_its_fixture() {
    let page = std::fs::read_to_string(CLIENTS_PAGE).expect("the page can be read");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let told = rows.filter_map(|row| row.rsplit('`').nth(1).map(str::to_owned));
    let mut told: Vec<String> = told.filter(|name| name.contains('.')).collect();
    told.sort();
    let mut kept: Vec<String> = fixtures()
        .iter()
        .filter(|file| folder(file) == CLIENTS)
        .map(|file| short(file).trim_start_matches("clients/").to_owned())
        .collect();
    kept.sort();
    assert_eq!(
        told, kept,
        "docs/audit-clients.md and fixtures/clients differ"
    );
    for file in fixtures().iter().filter(|file| folder(file) == CLIENTS) {
        let text = std::fs::read_to_string(file).expect("a fixture can be read");
        let quiet = text.lines().filter(|line| line.ends_with(" ok")).count();
        assert!(quiet > 0, "{}: no line has to stay quiet", short(file));
    }
}

#[test]
fn every_mark_names_a_rule() {
    for file in fixtures() {
        let text = std::fs::read_to_string(&file).expect("a fixture can be read");
        for mark in marks(&text) {
            let known = keypace_audit::rule(&mark.rule).is_some();
            assert!(
                known,
                "{}:{}: there is no rule {}",
                file.display(),
                mark.line,
                mark.rule
            );
        }
    }
}

fn check(file: &Path, rule: &str, wrong: &mut String) {
    let text = std::fs::read_to_string(file).expect("a fixture can be read");
    let options = Options::default().with_min_confidence(Confidence::Low);
    let report = Audit::new(options)
        .run(&[file.to_path_buf()])
        .expect("a fixture can be audited");
    let marks = marks(&text);
    for mark in &marks {
        let mut findings = report.findings.iter();
        let found = findings.find(|own| own.line == mark.line && own.rule == mark.rule);
        let said = match found {
            None => "is not found",
            Some(own) if own.confidence < mark.least => "is less sure than expected",
            Some(_) => continue,
        };
        let _ = writeln!(wrong, "{}:{}: {} {said}", short(file), mark.line, mark.rule);
    }
    let places = marks.iter().map(|mark| (mark.line, mark.rule.as_str()));
    let expected: BTreeSet<(usize, &str)> = places.collect();
    for own in &report.findings {
        // Other rules have their say about the same file, and guesses are not shown unless they are asked for. The file of a
        // client or a program names all that is found in it.
        let shown = (own.rule == rule || WHOLE.contains(&rule)) && own.confidence > Confidence::Low;
        if shown && !expected.contains(&(own.line, own.rule)) {
            let _ = writeln!(
                wrong,
                "{}:{}: {} was not expected",
                short(file),
                own.line,
                own.rule
            );
        }
    }
}

fn marks(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for mark in line.split("expect: ").skip(1) {
            let mut words = mark.split_whitespace();
            let Some(rule) = words.next() else { continue };
            let least = match words.next() {
                Some("low") => Confidence::Low,
                Some("medium") => Confidence::Medium,
                _ => Confidence::High,
            };
            marks.push(Mark {
                line: at + 1,
                rule: rule.trim_end_matches(',').to_owned(),
                least,
            });
        }
    }
    marks
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files = Vec::new();
    for rule in entries(&root) {
        files.extend(entries(&rule).into_iter().filter(|path| path.is_file()));
    }
    files.sort();
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(read) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    read.filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect()
}
