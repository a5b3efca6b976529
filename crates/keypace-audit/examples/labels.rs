//! Measures the auditor against places that people marked by hand: `labels REPOS LABELS.tsv [0|1]`.
//! REPOS holds a checkout of each repository as OWNER+NAME, at the commit the list names. Prints what was found,
//! what is wrong and what was missed, by rule and by language, with precision and recall, and (0 leaves it out) every
//! wrong finding and every miss. Must not fetch or change anything.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

use keypace_audit::{Audit, Confidence, Finding, Language, Options};

/// How far, in lines, a finding may stand from its label: a call is often spread over several lines, and a loop's
/// finding may be on the loop's head or on its body. Such a match is true, and is counted apart.
const NEAR_LINES: usize = 5;

/// One line of the list.
struct Label {
    repository: String,
    file: String,
    line: usize,
    rule: String,
    /// Must be found; the others may be.
    must: bool,
}

/// What a finding turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Exact,
    Near,
    Wrong,
}

/// A finding with its repository and verdict.
struct Judged {
    repository: String,
    finding: Finding,
    verdict: Verdict,
}

/// The sums of one row.
#[derive(Default)]
struct Row {
    found: u64,
    wrong: u64,
    sure: u64,
    sure_wrong: u64,
    must: u64,
    must_found: u64,
    may: u64,
    may_found: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [repositories, list, rest @ ..] = args.as_slice() else {
        return Err("usage: labels REPOS LABELS.tsv [0|1]".into());
    };
    let labels = read_labels(Path::new(list))?;
    let mut judged = Vec::new();
    let mut claimed = vec![None; labels.len()];
    for name in names(Path::new(repositories), &labels)? {
        let root = Path::new(repositories).join(name.replace('/', "+"));
        judge(&name, audit(&root)?, &labels, &mut claimed, &mut judged);
    }
    for level in [Confidence::High, Confidence::Medium, Confidence::Low] {
        say_level(level, &labels, &claimed, &judged);
    }
    say_repositories(&labels, &claimed, &judged);
    say_rows("by rule", &labels, &claimed, &judged, |rule, _| {
        rule.to_owned()
    });
    say_rows("by language", &labels, &claimed, &judged, |_, file| {
        language(file)
    });
    if rest.first().is_none_or(|own| own != "0") {
        say_lists(&labels, &claimed, &judged);
    }
    Ok(())
}

/// The repositories that are checked out, with and without labels. Those of the list must all be there.
fn names(folder: &Path, labels: &[Label]) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().replacen('+', "/", 1);
        if name.contains('/') && !name.starts_with('.') {
            names.insert(name);
        }
    }
    match labels.iter().find(|own| !names.contains(&own.repository)) {
        Some(own) => Err(format!("{} is not there: check it out first", own.repository).into()),
        None => Ok(names),
    }
}

/// Everything found under one folder. Each repository is audited alone, so that none borrows another's wrappers.
fn audit(root: &Path) -> Result<Vec<Finding>, Box<dyn Error>> {
    let options = Options::default().with_min_confidence(Confidence::Low);
    let report = Audit::new(options).run(&[PathBuf::from(root)])?;
    for trouble in &report.troubles {
        eprintln!("{}: {trouble}", root.display());
    }
    Ok(report.findings)
}

/// The list without its comments.
fn read_labels(path: &Path) -> Result<Vec<Label>, Box<dyn Error>> {
    let mut labels = Vec::new();
    for (number, text) in std::fs::read_to_string(path)?.lines().enumerate() {
        if text.starts_with('#') || text.is_empty() {
            continue;
        }
        let fields: Vec<&str> = text.split('\t').collect();
        let [repository, _commit, file, line, rule, weight] = fields.as_slice() else {
            return Err(format!("line {} of the labels has not six fields", number + 1).into());
        };
        labels.push(Label {
            repository: (*repository).to_owned(),
            file: (*file).to_owned(),
            line: line.parse()?,
            rule: (*rule).to_owned(),
            must: *weight == "high",
        });
    }
    Ok(labels)
}

/// Gives each finding the label on its line, else the nearest free one, and notes the surest finding of each label.
fn judge(
    name: &str,
    findings: Vec<Finding>,
    labels: &[Label],
    claimed: &mut [Option<Confidence>],
    judged: &mut Vec<Judged>,
) {
    let exact = |finding: &Finding, own: &Label| {
        own.repository == name
            && own.file == finding.file
            && own.rule == finding.rule
            && own.line == finding.line
    };
    let (at_label, elsewhere): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| labels.iter().any(|own| exact(finding, own)));
    let mut keep = |finding: Finding, verdict| {
        let repository = name.to_owned();
        judged.push(Judged {
            repository,
            finding,
            verdict,
        });
    };
    for finding in at_label {
        if let Some(at) = labels.iter().position(|own| exact(&finding, own)) {
            claimed[at] = claimed[at].max(Some(finding.confidence));
        }
        keep(finding, Verdict::Exact);
    }
    for finding in elsewhere {
        let near = labels.iter().enumerate().filter(|(at, own)| {
            let same =
                own.repository == name && own.file == finding.file && own.rule == finding.rule;
            same && own.line.abs_diff(finding.line) <= NEAR_LINES && claimed[*at].is_none()
        });
        match near.min_by_key(|(_, own)| own.line.abs_diff(finding.line)) {
            Some((at, _)) => {
                claimed[at] = Some(finding.confidence);
                keep(finding, Verdict::Near);
            }
            None => keep(finding, Verdict::Wrong),
        }
    }
}

/// One line of sums for the findings at or above a confidence.
fn say_level(
    level: Confidence,
    labels: &[Label],
    claimed: &[Option<Confidence>],
    judged: &[Judged],
) {
    let shown: Vec<&Judged> = judged
        .iter()
        .filter(|own| own.finding.confidence >= level)
        .collect();
    let wrong = shown
        .iter()
        .filter(|own| own.verdict == Verdict::Wrong)
        .count();
    let near = shown
        .iter()
        .filter(|own| own.verdict == Verdict::Near)
        .count();
    let hit = |must: bool| {
        let own = labels
            .iter()
            .zip(claimed)
            .filter(|(own, _)| own.must == must);
        own.filter(|(_, by)| by.is_some_and(|by| by >= level))
            .count()
    };
    let must = labels.iter().filter(|own| own.must).count();
    println!(
        "confidence {level:<6} found {:>4} wrong {wrong:>4} near {near:>3} precision {} recall of must {} ({} of {must}), of may {} of {}",
        shown.len(),
        share(shown.len() - wrong, shown.len()),
        share(hit(true), must),
        hit(true),
        hit(false),
        labels.len() - must,
    );
}

/// The mean over repositories, so that one with many like places does not decide.
fn say_repositories(labels: &[Label], claimed: &[Option<Confidence>], judged: &[Judged]) {
    println!("\nby repository");
    let from_labels = labels.iter().map(|own| own.repository.as_str());
    let from_findings = judged.iter().map(|own| own.repository.as_str());
    let names: BTreeSet<&str> = from_labels.chain(from_findings).collect();
    let mut shares = Vec::new();
    for name in names {
        let mut row = Row::default();
        fill(&mut row, labels, claimed, judged, |repository, _, _| {
            repository == name
        });
        if row.must > 0 {
            shares.push(row.must_found as f64 / row.must as f64);
        }
        say_row(name, &row);
    }
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    println!(
        "mean of recall over {} repositories: {mean:.2}",
        shares.len()
    );
}

/// A table with one row for each name that `of` makes of a rule and a file.
fn say_rows(
    title: &str,
    labels: &[Label],
    claimed: &[Option<Confidence>],
    judged: &[Judged],
    of: fn(&str, &str) -> String,
) {
    println!("\n{title}");
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let from_labels = labels.iter().map(|own| of(&own.rule, &own.file));
    let from_findings = judged
        .iter()
        .map(|own| of(own.finding.rule, &own.finding.file));
    for name in from_labels.chain(from_findings) {
        rows.entry(name).or_default();
    }
    for (name, row) in &mut rows {
        fill(row, labels, claimed, judged, |_, rule, file| {
            of(rule, file) == *name
        });
        say_row(name, row);
    }
}

/// Sums what belongs to a row.
fn fill(
    row: &mut Row,
    labels: &[Label],
    claimed: &[Option<Confidence>],
    judged: &[Judged],
    belongs: impl Fn(&str, &str, &str) -> bool,
) {
    for (own, by) in labels.iter().zip(claimed) {
        if !belongs(&own.repository, &own.rule, &own.file) {
            continue;
        }
        let hit = u64::from(by.is_some());
        if own.must {
            row.must += 1;
            row.must_found += hit;
        } else {
            row.may += 1;
            row.may_found += hit;
        }
    }
    for own in judged {
        if !belongs(&own.repository, own.finding.rule, &own.finding.file) {
            continue;
        }
        let wrong = u64::from(own.verdict == Verdict::Wrong);
        row.found += 1;
        row.wrong += wrong;
        if own.finding.confidence == Confidence::High {
            row.sure += 1;
            row.sure_wrong += wrong;
        }
    }
}

fn say_row(name: &str, row: &Row) {
    println!(
        "{name:<46} found {:>4} wrong {:>3} | sure {:>4} wrong {:>3} precision {} | must {:>3} of {:>3} recall {} | may {:>3} of {:>3}",
        row.found,
        row.wrong,
        row.sure,
        row.sure_wrong,
        share((row.sure - row.sure_wrong) as usize, row.sure as usize),
        row.must_found,
        row.must,
        share(row.must_found as usize, row.must as usize),
        row.may_found,
        row.may,
    );
}

/// Every wrong finding, the surest first, and every place that must be found and was not.
fn say_lists(labels: &[Label], claimed: &[Option<Confidence>], judged: &[Judged]) {
    println!("\nwrong");
    for level in [Confidence::High, Confidence::Medium, Confidence::Low] {
        for own in judged {
            let Judged {
                repository,
                finding,
                verdict,
            } = own;
            if *verdict == Verdict::Wrong && finding.confidence == level {
                let text = finding.excerpt.text.trim();
                println!(
                    "{level:<6} {repository} {}:{} {} | {text}",
                    finding.file, finding.line, finding.rule
                );
            }
        }
    }
    println!("\nmissed");
    for (own, by) in labels.iter().zip(claimed) {
        if own.must && by.is_none() {
            println!("{} {}:{} {}", own.repository, own.file, own.line, own.rule);
        }
    }
}

fn language(file: &str) -> String {
    Language::of_path(Path::new(file)).map_or_else(|| "other".to_owned(), |own| format!("{own:?}"))
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "   -".to_owned();
    }
    format!("{:.2}", part as f64 / whole as f64)
}
