//! Each rule of the tidy test, shown a line that breaks it and one that only looks so.
//! Without these a check that finds nothing would look like a tidy workspace.

use super::rules::{CHECKS, arrows};
use super::source::{Finding, Source};

/// Where the rules look: path and text; then the line of each finding, and a word that its text must hold.
type Plant = (&'static str, &'static str, &'static [(usize, &'static str)]);

const KEY: &str = "crates/keypace/src/key/glob.rs";
const SCAN: &str = "crates/keypace/src/scan/drive.rs";
const STATE: &str = "crates/keypace/src/scan/state.rs";
const LAB: &str = "crates/keypace-lab/src/raw.rs";
const CLI: &str = "crates/keypace-cli/src/render/bar.rs";

const PLANTS: &[Plant] = &[
    // Headers.
    (LAB, "fn a() {}\n", &[(1, "begin with")]),
    (LAB, "// no\n//! too late\n", &[(1, "begin with")]),
    // Attributes.
    (
        LAB,
        "//! x\n#[allow(dead_code)]\nfn a() {}\n",
        &[(2, "expect")],
    ),
    (LAB, "//! x\n#![allow(dead_code)]\n", &[(2, "expect")]),
    (
        LAB,
        "//! x\n#[expect(dead_code, reason = \"#[allow(\")]\n",
        &[],
    ),
    (
        LAB,
        "//! x\n#[cfg_attr(test, allow(dead_code))]\n",
        &[(2, "expect")],
    ),
    (LAB, "//! x\n#[test]\nfn a() { allow(b) }\n", &[]),
    // Glob imports.
    (LAB, "//! x\nuse std::io::*;\n", &[(2, "glob")]),
    (
        LAB,
        "//! x\n\nmod tests {\n    use super::*;\n}\n",
        &[(4, "glob")],
    ),
    (
        LAB,
        "//! x\npub use a::{\n    b::*,\n    c,\n};\n",
        &[(2, "glob")],
    ),
    (LAB, "//! x\nuse a::b;\nfn c(d: &u8) -> u8 { *d }\n", &[]),
    // Guards.
    (
        LAB,
        "//! x\nfn a() {\n    match b {\n        c if let Some(d) = e(c) => f(d),\n    }\n}\n",
        &[(4, "guard")],
    ),
    (
        LAB,
        "//! x\nfn a() { match b { c if c > 1 && let Some(d) = e => f(d) } }\n",
        &[(2, "guard")],
    ),
    (
        LAB,
        "//! x\nfn a() {\n    if b && let Some(c) = d { e(); }\n    match f { _ => g(), }\n}\n",
        &[],
    ),
    // Unfinished code.
    (LAB, "//! x\nfn a() { todo!() }\n", &[(2, "todo!")]),
    (
        LAB,
        "//! x\nfn a() {\n    unimplemented!(\"b\")\n}\n",
        &[(3, "unimplemented!")],
    ),
    (
        LAB,
        "//! todo!\n// todo!\n/* todo! /* */ todo! */\nconst A: &str = r#\"todo!\"#;\n",
        &[],
    ),
    // Literals end where they end.
    (
        LAB,
        "//! x\nconst A: char = '\"'; fn a<'b>() { todo!() }\n",
        &[(2, "todo!")],
    ),
    (
        LAB,
        "//! x\nconst A: &str = \"\\\"\"; fn a() { todo!() }\n",
        &[(2, "todo!")],
    ),
    (
        LAB,
        "//! x\nconst A: &[u8] = br\"\\\"; fn a() { todo!() }\n",
        &[(2, "todo!")],
    ),
    (
        LAB,
        "//! x\nconst A: char = '\\'';\nconst B: &str = \"\n\"; fn a() { todo!() }\n",
        &[(4, "todo!")],
    ),
    // Pure state.
    (
        STATE,
        "//! x\nasync fn a() {\n    b().await\n}\n",
        &[(3, ".await")],
    ),
    (
        STATE,
        "//! x\nfn a() { Instant::now(); }\n",
        &[(2, "Instant::now")],
    ),
    (
        STATE,
        "//! x\nuse std::time::SystemTime;\n",
        &[(2, "SystemTime")],
    ),
    (STATE, "//! x\nuse rand::Rng;\n", &[(2, "rand")]),
    (STATE, "//! x\nfn operand(now: Instant) {}\n", &[]),
    (
        SCAN,
        "//! x\nasync fn a() { b().await; Instant::now(); }\n",
        &[],
    ),
    // Sockets.
    (
        SCAN,
        "//! x\nuse tokio::net::TcpStream;\n",
        &[(2, "TcpStream")],
    ),
    (
        CLI,
        "//! x\nuse std::os::unix::net::UnixStream;\n",
        &[(2, "UnixStream")],
    ),
    (
        KEY,
        "//! x\nfn a(b: tokio_rustls::TlsConnector) {}\n",
        &[(2, "tokio_rustls")],
    ),
    (
        "crates/keypace/src/port/node/io.rs",
        "//! x\nuse tokio::net::TcpStream;\n",
        &[],
    ),
    (LAB, "//! x\nuse std::net::TcpStream;\n", &[]),
    // A quiet library.
    (SCAN, "//! x\nfn a() { println!(); }\n", &[(2, "println!")]),
    (
        SCAN,
        "//! x\nfn a() { eprintln!(); }\n",
        &[(2, "eprintln!")],
    ),
    (
        SCAN,
        "//! x\nfn a() { std::env::args(); }\n",
        &[(2, "std::env"), (2, "env::args")],
    ),
    (
        SCAN,
        "//! x\nuse std::process;\nfn a() { process::exit(1) }\n",
        &[(3, "process::exit")],
    ),
    (
        SCAN,
        "//! x\nconst V: &str = env!(\"CARGO_PKG_VERSION\");\n",
        &[],
    ),
    (CLI, "//! x\nfn a() { println!(); }\n", &[]),
    // Ranks.
    (KEY, "//! x\nuse crate::port::Node;\n", &[(2, "`port`")]),
    (KEY, "//! x\nuse crate::error::Error;\n", &[(2, "`error`")]),
    (
        KEY,
        "//! x\nuse crate::limits::A;\nuse crate::key::Key;\nuse super::scope::Scope;\n",
        &[],
    ),
    (
        SCAN,
        "//! x\nuse crate::{key::{A, sweep}, select::B, port};\n",
        &[(2, "`select`")],
    ),
    (
        SCAN,
        "//! x\nfn a() -> crate::sweep::B {}\n",
        &[(2, "`sweep`")],
    ),
    (SCAN, "//! x\nuse crate::Error;\n", &[(2, "no room")]),
    (
        SCAN,
        "//! x\nuse super::super::delete::Plan;\n",
        &[(2, "`delete`")],
    ),
    (
        SCAN,
        "//! x\nmod tests {\n    use super::super::page::Page;\n}\n",
        &[],
    ),
    (
        "crates/keypace/src/scan/mod.rs",
        "//! x\nuse super::bulk::A;\n",
        &[(2, "`bulk`")],
    ),
    (
        "crates/keypace/src/report.rs",
        "//! x\nuse super::pace;\n",
        &[(2, "`pace`")],
    ),
    (
        "crates/keypace/src/error.rs",
        "//! [`crate::port`]\n//! x\n",
        &[],
    ),
    ("crates/keypace/src/attic.rs", "//! x\n", &[(1, "no rank")]),
    (
        "crates/keypace/src/lib.rs",
        "//! x\npub use crate::sweep::Sweep;\n",
        &[],
    ),
    (CLI, "//! x\nuse crate::cmd::Run;\n", &[(2, "`cmd`")]),
    (
        CLI,
        "//! x\nuse crate::settings::A;\n",
        &[(2, "`settings`")],
    ),
    (CLI, "//! x\nuse crate::exit::Exit;\n", &[]),
    (
        "crates/keypace-server/src/sessions/service.rs",
        "//! x\nuse crate::limits;\nuse crate::http::Page;\n",
        &[(3, "`http`")],
    ),
    (
        "crates/keypace-cli/src/exit.rs",
        "//! x\nuse crate::args::A;\n",
        &[(2, "`args`")],
    ),
];

const MANIFESTS: &[Plant] = &[
    (
        "crates/keypace/Cargo.toml",
        "[package]\nname = \"keypace\"\n[dependencies]\nbytes.workspace = true\nkeypace-lab.workspace = true\n",
        &[(5, "`keypace-lab`")],
    ),
    (
        "crates/keypace/Cargo.toml",
        "[dev-dependencies]\nkeypace-lab.workspace = true\nkeypace-testkit = { path = \"../a\" }\n",
        &[],
    ),
    (
        "crates/keypace-lab/Cargo.toml",
        "[dev-dependencies]\nkeypace.workspace = true\n",
        &[(2, "`keypace`")],
    ),
    (
        "crates/keypace-testkit/Cargo.toml",
        "[dependencies.keypace]\npath = \"../keypace\"\n",
        &[(1, "`keypace`")],
    ),
    (
        "crates/keypace-testkit/Cargo.toml",
        "[target.'cfg(unix)'.dependencies]\nkeypace = \"1\"\nkeypace-lab = \"1\"\n",
        &[(2, "`keypace`")],
    ),
    (
        "crates/attic/Cargo.toml",
        "[package]\n",
        &[(1, "no arrows")],
    ),
];

/// Whether exactly these findings came, in any order.
fn expect(plant: &Plant, findings: &[Finding]) {
    let (path, text, expected) = plant;
    let told: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert_eq!(
        told.len(),
        expected.len(),
        "{path} with {text:?}: {told:#?}"
    );
    for (line, word) in *expected {
        let place = format!("{path}:{line}: ");
        assert!(
            told.iter()
                .any(|finding| finding.starts_with(&place) && finding.contains(word)),
            "{path} with {text:?}: {told:#?}"
        );
    }
}

#[test]
fn each_rule_finds_what_is_planted() {
    for plant in PLANTS {
        let source = Source::new(plant.0, plant.1);
        let findings: Vec<_> = CHECKS.iter().flat_map(|check| check(&source)).collect();
        expect(plant, &findings);
    }
}

#[test]
fn each_arrow_that_points_back_is_found() {
    for plant in MANIFESTS {
        expect(plant, &arrows(&Source::new(plant.0, plant.1)));
    }
}

#[test]
fn a_file_of_501_lines_is_found() {
    let found = |lines: usize| {
        let source = Source::new(LAB, &format!("//! x\n{}", "\n".repeat(lines - 1)));
        CHECKS.iter().flat_map(|check| check(&source)).count()
    };
    assert_eq!((found(500), found(501)), (0, 1));
}
