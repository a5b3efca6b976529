//! What `--format sarif` writes, held against the schema of SARIF 2.1.0: code scanning refuses what doesn't fit it.
//! Must not ask the network: the schema lies beside the test.

use std::fs;
use std::path::PathBuf;

use boon::{Compiler, SchemaIndex, Schemas};
use keypace_audit::{Audit, Confidence, Options, Report, render};
use serde_json::Value;
use tempfile::TempDir;

const SCHEMA: &str = include_str!("sarif/sarif-schema-2.1.0.json");
const NAME: &str = "sarif-schema-2.1.0.json";

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn read() -> Self {
        let text: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler
            .add_resource(NAME, text)
            .expect("the schema is one");
        let index = compiler
            .compile(NAME, &mut schemas)
            .expect("the schema compiles");
        Self { schemas, index }
    }

    /// What is wrong with a document, empty where nothing is.
    fn faults(&self, document: &Value) -> String {
        let checked = self.schemas.validate(document, self.index);
        checked
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }
}

fn document(report: &Report, paths: &[PathBuf]) -> Value {
    serde_json::from_str(&render::sarif(report, paths)).expect("SARIF is JSON")
}

fn audited(paths: &[PathBuf]) -> Report {
    let options = Options::default().with_min_confidence(Confidence::Low);
    Audit::new(options)
        .run(paths)
        .expect("the paths can be read")
}

#[test]
fn findings_of_every_rule_fit_the_schema() {
    let schema = Schema::read();
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let paths: Vec<PathBuf> = keypace_audit::rules()
        .iter()
        .map(|rule| fixtures.join(rule.id))
        .collect();
    let report = audited(&paths);
    let document = document(&report, &paths);
    let results = document["runs"][0]["results"].as_array().expect("results");
    for rule in keypace_audit::rules() {
        let told = results.iter().any(|own| own["ruleId"] == rule.id);
        assert!(told, "no finding of {} is among the results", rule.id);
    }
    assert_eq!(schema.faults(&document), "");
}

#[test]
fn names_that_no_uri_takes_as_they_are_fit_the_schema() {
    let folder = TempDir::new().expect("folder");
    let text = "import redis\nr = redis.Redis()\nr.keys('a*')\n";
    for name in ["a b.py", "100%.py", "ümlaut[1].py", "q?x#y.py"] {
        fs::write(folder.path().join(name), text).expect("write");
    }
    let paths = [folder.path().to_path_buf()];
    let report = audited(&paths);
    assert_eq!(report.files, 4);
    assert_eq!(Schema::read().faults(&document(&report, &paths)), "");
}

#[test]
fn an_empty_report_fits_and_a_broken_one_does_not() {
    let schema = Schema::read();
    let mut document = document(&Report::default(), &[PathBuf::from(".")]);
    assert_eq!(schema.faults(&document), "");
    document["runs"][0]["results"] = serde_json::json!([{ "level": "error" }]);
    assert!(
        schema.faults(&document).contains("message"),
        "{}",
        schema.faults(&document)
    );
}
