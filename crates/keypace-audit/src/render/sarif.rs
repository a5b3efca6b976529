//! A report as SARIF 2.1.0, as code scanning services read it.
//! Must not name a place of this machine where the PATH given is a relative one.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::language::Language;
use crate::report::{Confidence, Finding, Report, Severity};
use crate::rule::Rule;
use crate::rules::all;

/// Where the format is described.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name under which services find a result again. A new way to make fingerprints needs a new number.
const FINGERPRINT: &str = "keypaceFinding/v1";

/// One run with all rules, and a result for each finding. `paths` are the PATHs given.
#[must_use]
pub fn sarif(report: &Report, paths: &[PathBuf]) -> String {
    let results = report.findings.iter().map(|finding| result(finding, paths));
    let notifications: Vec<Value> = report
        .troubles
        .iter()
        .map(|text| json!({"level": "warning", "message": {"text": text}}))
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "keypace audit",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": all().iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": bases(paths),
            "invocations": [{
                "executionSuccessful": report.unread == 0,
                "toolExecutionNotifications": notifications,
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    });
    document.to_string() + "\n"
}

fn rule(rule: &Rule) -> Value {
    // What is not told apart by language is said once.
    let fix = (rule.fix)(Language::Python);
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": format!("{}\n\n{fix}", rule.why)},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {
            "tags": ["performance", "redis", "valkey"],
            "precision": "high",
            "problem.severity": problem(rule.severity),
        },
    })
}

fn result(finding: &Finding, paths: &[PathBuf]) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": format!("{}. {}", finding.message, finding.fix)},
        "locations": [{"physicalLocation": {
            "artifactLocation": location(finding, paths.get(finding.root)),
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endColumn": finding.column + finding.excerpt.width,
            },
        }}],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "rank": rank(finding.confidence),
        "properties": {"confidence": finding.confidence.name()},
    });
    if let Some(index) = all().iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    result
}

/// Relative to the folder that the audit was started in where that can be said, as services expect it of a checkout;
/// else relative to the PATH, whose place is a base of its own.
fn location(finding: &Finding, path: Option<&PathBuf>) -> Value {
    let Some(path) = path else {
        return json!({"uri": encoded(&finding.file)});
    };
    if is_below_here(path) {
        // Of a PATH that is a file, the finding's file is what was typed.
        let typed = path.strip_prefix("./").unwrap_or(path);
        if typed == Path::new(&finding.file) {
            return json!({"uri": encoded(&finding.file)});
        }
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        let mut parts: Vec<_> = parts.collect();
        parts.push(finding.file.as_str().into());
        return json!({"uri": encoded(&parts.join("/"))});
    }
    if path == Path::new(&finding.file) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return json!({"uri": encoded(&name), "uriBaseId": base_name(finding.root)});
    }
    json!({"uri": encoded(&finding.file), "uriBaseId": base_name(finding.root)})
}

fn is_below_here(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn base_name(root: usize) -> String {
    format!("PATH{root}")
}

/// A base for each PATH that is elsewhere.
fn bases(paths: &[PathBuf]) -> Value {
    let mut bases = serde_json::Map::new();
    let elsewhere = paths
        .iter()
        .enumerate()
        .filter(|(_, path)| !is_below_here(path));
    for (root, path) in elsewhere {
        let folder = if path.is_file() {
            path.parent().unwrap_or(path)
        } else {
            path
        };
        let text = folder.to_string_lossy();
        let text = text.trim_end_matches('/');
        let base = if folder.is_absolute() {
            json!({"uri": format!("file://{}/", encoded(text))})
        } else {
            json!({"uri": format!("{}/", encoded(text))})
        };
        bases.insert(base_name(root), base);
    }
    Value::Object(bases)
}

/// A path as the path of a URI.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@+,=!$&'()*;".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "recommendation",
    }
}

/// From 0 to 100, as the format has it.
fn rank(confidence: Confidence) -> f64 {
    match confidence {
        Confidence::High => 90.0,
        Confidence::Medium => 60.0,
        Confidence::Low => 30.0,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value;

    use super::sarif;
    use crate::report::{Confidence, Excerpt, Finding, Report, Severity};

    fn finding(file: &str) -> Finding {
        Finding {
            rule: "keys-command",
            severity: Severity::High,
            confidence: Confidence::Medium,
            file: file.to_owned(),
            line: 3,
            column: 5,
            fingerprint: "00ff".to_owned(),
            message: "m".to_owned(),
            fix: "f",
            root: 0,
            repository: String::new(),
            excerpt: Excerpt {
                text: String::new(),
                from: 4,
                width: 4,
            },
        }
    }

    fn uri(path: &str, file: &str) -> (String, Option<String>) {
        let mut report = Report::default();
        report.findings.push(finding(file));
        let document: Value =
            serde_json::from_str(&sarif(&report, &[PathBuf::from(path)])).expect("JSON");
        let run = &document["runs"][0];
        let place = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        let base = place["uriBaseId"].as_str();
        let base = base.map(|name| {
            run["originalUriBaseIds"][name]["uri"]
                .as_str()
                .expect("a base")
                .to_owned()
        });
        (place["uri"].as_str().expect("a URI").to_owned(), base)
    }

    #[test]
    fn places_are_relative_to_where_the_audit_began() {
        assert_eq!(uri(".", "a b/c#.py"), ("a%20b/c%23.py".to_owned(), None));
        assert_eq!(uri("./src", "a.py"), ("src/a.py".to_owned(), None));
        assert_eq!(uri("src/a.py", "src/a.py"), ("src/a.py".to_owned(), None));
        let elsewhere = ("a.py".to_owned(), Some("file:///no/where/".to_owned()));
        assert_eq!(uri("/no/where", "a.py"), elsewhere);
        assert_eq!(
            uri("../x", "a.py"),
            ("a.py".to_owned(), Some("../x/".to_owned()))
        );
    }
}
