//! No bytes make an audit panic or overflow a stack: random ones, code that was cut, code nested deeply.
//! Says nothing about what is found.

use std::fs;

use keypace_audit::{Audit, Options};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

/// One file name for each language.
const NAMES: &[&str] = &[
    "a.cs", "a.ex", "a.go", "a.java", "a.js", "a.kt", "a.lua", "a.php", "a.py", "a.rb", "a.rs",
    "a.sh", "a.ts", "a.tsx",
];

/// Pieces that code is made of, in all languages, so that random texts get past the first token.
const PIECES: &[&str] = &[
    "redis",
    ".keys(",
    "\"a*\"",
    "'",
    "\"",
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "=",
    "=>",
    "->",
    "|>",
    "::",
    ".",
    ",",
    ";",
    ":",
    "\n",
    "    ",
    "\t",
    "for ",
    "in ",
    "while ",
    "do ",
    "end\n",
    "def ",
    "fn ",
    "func ",
    "class ",
    "import redis\n",
    "from redis import Redis\n",
    "require 'redis'\n",
    "<?php ",
    "?>",
    "$x",
    "@x",
    "#{",
    "${",
    "<<~EOS\n",
    "EOS\n",
    "<<EOF\n",
    "EOF\n",
    "'''",
    "\"\"\"",
    "r#\"",
    "\"#",
    "//",
    "/*",
    "*/",
    "#",
    "--",
    "redis.call('keys', '*')",
    "eval(",
    "KEYS[1]",
    "redis-cli keys '*'",
    "| xargs ",
    "$(",
    "lambda x: ",
    "async ",
    "await ",
    "new ",
    "return ",
    "scan_iter(",
    "\u{e9}",
    "\u{1f600}",
    "\\",
    "\0",
    "\r\n",
    "\u{feff}",
    "\u{2028}",
];

fn audited(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("write");
    let audit = Audit::new(Options::default().with_threads(1));
    let report = audit.run(&[path]).expect("a report");
    for finding in &report.findings {
        assert!(finding.line >= 1 && finding.column >= 1);
    }
}

/// All languages at once: what breaks one grammar is a good text for the next.
fn in_all(bytes: &[u8]) {
    for name in NAMES {
        audited(name, bytes);
    }
}

fn code() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => (0..PIECES.len()).prop_map(|at| PIECES[at].to_owned()),
        1 => any::<String>(),
        1 => Just("x".to_owned()),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // Past the filter of words, so that the bytes are parsed.
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0).chain(*b"\nredis\n").collect();
        in_all(&bytes);
    }

    #[test]
    fn any_pieces_of_code_are_survived(text in code()) {
        in_all(format!("{text}\nredis").as_bytes());
    }
}

#[test]
fn deep_nesting_is_survived() {
    let depth = 20_000;
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("!", ""),
        ("a.", ""),
        ("x => ", ""),
        ("-", ""),
    ] {
        let nested = format!("redis = {}1{}\n", open.repeat(depth), close.repeat(depth));
        in_all(nested.as_bytes());
    }
    for line in ["if x:\n", "if (x) {\n", "do\n", "fn x {\n"] {
        let nested: String = (0..2_000)
            .map(|at| format!("{}{line}", " ".repeat(at % 100)))
            .collect();
        in_all(format!("redis\n{nested}").as_bytes());
    }
}

#[test]
fn repeated_code_is_survived() {
    for piece in PIECES {
        // Longer, and grammars that lose themselves would take the time of the whole suite.
        let times = 2_000 / piece.len();
        in_all(format!("redis\n{}", piece.repeat(times)).as_bytes());
    }
}
