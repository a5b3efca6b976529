//! Audits any bytes as a file of the language that the first one names: it ends, and every finding has a place in it.
//! Good to begin with are the files of `crates/keypace-audit/fixtures`, each behind one byte.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use keypace_audit::{Audit, Confidence, Options};
use libfuzzer_sys::fuzz_target;

const ENDINGS: [&str; 14] = [
    "cs", "ex", "go", "java", "js", "kt", "lua", "php", "py", "rb", "rs", "sh", "ts", "tsx",
];

/// Of this process alone.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("keypace-fuzz-audit-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("the folder for temporary files has room");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let Some((language, text)) = bytes.split_first() else {
        return;
    };
    let ending = ENDINGS[usize::from(*language) % ENDINGS.len()];
    let file = FOLDER.join(format!("a.{ending}"));
    // Past the filter of words, so that it is parsed; what has a null byte is no text to it.
    let mut text: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0).collect();
    text.extend_from_slice(b"\nredis\n");
    fs::write(&file, &text).expect("the folder for temporary files has room");
    let options = Options::default()
        .with_threads(1)
        .with_min_confidence(Confidence::Low);
    let report = Audit::new(options).run(&[file]).expect("a report");
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    for finding in &report.findings {
        assert!((1..=lines).contains(&finding.line) && finding.column >= 1);
    }
});
