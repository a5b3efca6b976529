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
    unread(name, bytes);
}

/// How many files were not read: one or none.
fn unread(name: &str, bytes: &[u8]) -> u64 {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("write");
    let audit = Audit::new(Options::default().with_threads(1));
    let report = audit.run(&[path]).expect("a report");
    for finding in &report.findings {
        assert!(finding.line >= 1 && finding.column >= 1);
    }
    report.unread
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

/// Few, as each is read in all languages; `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(48),
    }
}

/// Pieces of shell, with what its grammar looks far ahead for: here documents, braces with numbers and what is none.
fn shell() -> impl Strategy<Value = String> {
    let special = prop_oneof![
        Just("{"),
        Just("{1.."),
        Just("23"),
        Just(".."),
        Just("cat <<-A\n"),
        Just("A\n"),
        Just("<<'"),
        Just("[[ x =~ "),
        Just("case x in "),
        Just("esac\n"),
        Just("((")
    ];
    let piece = prop_oneof![
        4 => (0..PIECES.len()).prop_map(|at| PIECES[at].to_owned()),
        3 => special.prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(cases())]

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

    #[test]
    fn any_shell_is_survived(text in shell()) {
        audited("a.sh", format!("{text}\nredis").as_bytes());
    }
}

/// What a grammar's own code would end the process on, by an address that is not there or an assertion.
#[test]
fn texts_that_end_a_grammar_are_not_read() {
    let word = "A".repeat(300);
    let indents: String = (0..600)
        .map(|at| format!("{}if x:\n", " ".repeat(at)))
        .collect();
    let fatal = [
        ("a.sh", "{\u{10ffff}".to_owned()),
        ("a.sh", "x {12\u{e0140}}".to_owned()),
        ("a.sh", "x {1..\u{e0140}}".to_owned()),
        ("a.sh", "x {1..23\u{100}}".to_owned()),
        ("a.rb", format!("x = <<~{word}\n#{{x}}\n{word}\n")),
        ("a.rb", format!("x <<\"{word}\"\nx\n{word}\n")),
        ("a.py", format!("{indents}{}x = 'x'\n", " ".repeat(600))),
        ("a.kt", "\"${".repeat(513)),
        ("a.kt", "fun x() { \"${ }\n".repeat(3_000)),
    ];
    for (name, text) in fatal {
        let text = format!("redis\n{text}");
        assert_eq!(unread(name, text.as_bytes()), 1, "{name} {text:.60}");
    }
    let word = "A".repeat(255);
    let longer = "A".repeat(1_100);
    let indents: String = (0..300)
        .map(|at| format!("{}if x:\n", " ".repeat(at)))
        .collect();
    let harmless = [
        ("a.sh", "x {\u{ff} {1..\u{e9}} {a\u{10ffff}}".to_owned()),
        ("a.rb", format!("x = <<~{word}\n#{{x}}\n{word}\n")),
        ("a.rb", format!("x = <<~{longer}\n#{{x}}\n{longer}\n")),
        ("a.py", format!("{indents}{}x = 'x'\n", " ".repeat(300))),
        ("a.kt", "\"${".repeat(511)),
    ];
    for (name, text) in harmless {
        let text = format!("redis\n{text}");
        assert_eq!(unread(name, text.as_bytes()), 0, "{name} {text:.60}");
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
