//! The rules themselves: each a function over one file, with the tables that `ARCHITECTURE.md` draws.
//! They read nothing from the disk, so that each can be shown a planted line.

use super::source::{Finding, Source, is_word, offsets_of};

/// Past this a file holds two ideas.
const MAX_FILE_LINES: usize = 500;

/// Rooms of `keypace` by rank: imports go down only, siblings never meet. `limits` is below all others.
const LIBRARY_RANKS: &[&[&str]] = &[
    &["limits"],
    &["error", "key"],
    &["report"],
    &["pace", "backup"],
    &["port"],
    &["scan", "select", "bulk"],
    &["delete", "records", "stats"],
    &["sweep", "kv", "inspect"],
    &["lib"],
];

/// Rooms of `keypace-cli` by rank.
const CLI_RANKS: &[&[&str]] = &[
    &["exit", "args"],
    &["settings", "render"],
    &["cmd"],
    &["main"],
];

/// Rooms of `keypace-server` by rank.
const SERVER_RANKS: &[&[&str]] = &[
    &["limits", "metrics", "units"],
    &["otel", "sql"],
    &["access", "sessions", "servers"],
    &["jobs"],
    &["error"],
    &["http"],
    &["router"],
    &["config"],
    &["app"],
    &["lib"],
];

/// Rooms of `keypace-audit` by rank.
const AUDIT_RANKS: &[&[&str]] = &[
    &["limits", "language"],
    &["facts", "syntax"],
    &["report", "error", "extract"],
    &[
        "rule",
        "receiver",
        "changed",
        "allow",
        "fingerprint",
        "repository",
        "baseline",
    ],
    &["rules", "source", "page"],
    &["wrappers", "render"],
    &["audit"],
    &["lib"],
];

/// Which of our crates each may use; the second list is for its tests only.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("keypace", &[], &["keypace-lab", "keypace-testkit"]),
    ("keypace-audit", &[], &["keypace-lab", "keypace-testkit"]),
    (
        "keypace-server",
        &["keypace"],
        &["keypace-lab", "keypace-testkit"],
    ),
    (
        "keypace-cli",
        &["keypace", "keypace-audit", "keypace-lab", "keypace-server"],
        &["keypace-testkit"],
    ),
    ("keypace-lab", &[], &[]),
    ("keypace-testkit", &["keypace-lab"], &[]),
    ("xtask", &["keypace", "keypace-lab", "keypace-testkit"], &[]),
    ("fuzz", &["keypace", "keypace-audit"], &[]),
];

/// A rule, asked about one file.
pub(crate) type Check = fn(&Source) -> Vec<Finding>;

/// All rules for Rust sources; those for a part of them look at the path.
pub(crate) const CHECKS: &[Check] = &[
    header,
    size,
    attributes,
    glob_imports,
    guards,
    unfinished,
    pure_state,
    sockets,
    quiet_library,
    ranks,
];

fn header(source: &Source) -> Vec<Finding> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![source.finding(
        0,
        "begin with `//!`: what the file owns and what it must not do",
    )]
}

fn size(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if lines <= MAX_FILE_LINES {
        return Vec::new();
    }
    let rule = format!("{lines} lines, at most {MAX_FILE_LINES}: which idea wants its own room?");
    vec![Finding {
        path: source.path.clone(),
        line: lines,
        rule,
    }]
}

/// Also where a `cfg_attr` wraps it.
fn attributes(source: &Source) -> Vec<Finding> {
    let in_attribute = |at: &usize| {
        let opened = source.code[..*at].rfind('#');
        opened.is_some_and(|from| !source.code[from..*at].contains(']'))
    };
    let offsets = offsets_of(&source.code, "allow(")
        .into_iter()
        .filter(in_attribute);
    offsets
        .map(|at| source.finding(at, "write `#[expect(..., reason = \"...\")]`"))
        .collect()
}

/// Whether what follows a `let` is the guard of an arm: `=>` comes before any block.
fn guards(source: &Source) -> Vec<Finding> {
    let is_guard = |at: &usize| {
        let before = source.code[..*at].trim_end();
        let rest = &source.code[*at..];
        let arrow = rest.find("=>");
        (before.ends_with("if") || before.ends_with("&&"))
            && arrow.is_some_and(|arrow| !rest[..arrow].contains(['{', '}', ';']))
    };
    let offsets = offsets_of(&source.code, "let").into_iter();
    offsets
        .filter(is_guard)
        .map(|at| {
            source.finding(
                at,
                "no pattern in a guard: compilers that we promise don't take it",
            )
        })
        .collect()
}

/// Test modules too: `use super::*` hides what a test is about.
fn glob_imports(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for start in offsets_of(&source.code, "use") {
        let statement = source.code[start..].split(';').next().unwrap_or_default();
        let has_star = statement
            .split(['{', '}', ',', ':'])
            .any(|part| part.trim() == "*");
        if has_star {
            findings.push(source.finding(start, "no glob imports: name what is used"));
        }
    }
    findings
}

fn unfinished(source: &Source) -> Vec<Finding> {
    source.without(&["todo!", "unimplemented!"], "nothing unfinished is kept")
}

fn pure_state(source: &Source) -> Vec<Finding> {
    if !source.path.ends_with("/state.rs") {
        return Vec::new();
    }
    let impure = [
        ".await",
        "Instant::now",
        "SystemTime",
        "rand",
        "RandomState",
    ];
    source.without(
        &impure,
        "`state.rs` files hold no await, clock or randomness",
    )
}

fn sockets(source: &Source) -> Vec<Finding> {
    match source.in_crate() {
        Some(("keypace", inner)) if !inner.starts_with("port/") && inner != "port.rs" => {}
        Some(("keypace-cli", _)) => {}
        _ => return Vec::new(),
    }
    let wire = ["TcpStream", "UnixStream", "tokio_rustls"];
    source.without(&wire, "only the library's `port/` knows sockets")
}

fn quiet_library(source: &Source) -> Vec<Finding> {
    let Some(("keypace" | "keypace-audit", _)) = source.in_crate() else {
        return Vec::new();
    };
    let loud = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "std::env",
        "env::var",
        "env::args",
        "process::exit",
    ];
    source.without(
        &loud,
        "the library doesn't print, read the environment or exit",
    )
}

fn ranks(source: &Source) -> Vec<Finding> {
    let (table, inner) = match source.in_crate() {
        Some(("keypace", inner)) => (LIBRARY_RANKS, inner),
        Some(("keypace-audit", inner)) => (AUDIT_RANKS, inner),
        Some(("keypace-cli", inner)) => (CLI_RANKS, inner),
        Some(("keypace-server", inner)) => (SERVER_RANKS, inner),
        _ => return Vec::new(),
    };
    let room = inner.split(['/', '.']).next().unwrap_or_default();
    let rank_of = |room: &str| table.iter().position(|rooms| rooms.contains(&room));
    let Some(own) = rank_of(room) else {
        return vec![source.finding(
            0,
            format!("`{room}` has no rank in `architecture` and in this test"),
        )];
    };
    // The highest rank composes all rooms, and names what it re-exports as it likes.
    if own + 1 == table.len() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (offset, target) in root_paths(&source.code, inner, |name| rank_of(name).is_some()) {
        match rank_of(&target) {
            _ if target == room => {}
            Some(rank) if rank < own => {}
            Some(_) => findings.push(source.finding(
                offset,
                format!("`{room}` must not use `{target}`: imports go down the ranks only, siblings never meet"),
            )),
            None => findings.push(source.finding(
                offset,
                format!("`crate::{target}` is no room: name the room that owns it, not its re-export"),
            )),
        }
    }
    findings
}

/// What the code names directly under the crate's root, as `crate::a::B`, `crate::{a::B, c}` or by way of `super`.
fn root_paths(code: &str, inner: &str, is_room: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for start in offsets_of(code, "crate::") {
        // `$crate::` in a macro is the same root.
        let names = first_names(&code[start + "crate::".len()..]);
        paths.extend(names.into_iter().map(|name| (start, name)));
    }
    // From a file this deep, so many `super`s are the root (or, in its test module, one above its own folder).
    let depth = inner.trim_end_matches("/mod.rs").split('/').count();
    let chain = "super::".repeat(depth);
    for start in offsets_of(code, &chain) {
        let names = first_names(code[start..].trim_start_matches("super::"));
        paths.extend(
            names
                .into_iter()
                .filter(|name| is_room(name))
                .map(|name| (start, name)),
        );
    }
    paths
}

/// The first name of a path, or those of each path in a group.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect::<String>()
    };
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = vec![name(group)];
    let mut depth = 0_i32;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Arrows between our crates, from one `Cargo.toml`.
pub(crate) fn arrows(source: &Source) -> Vec<Finding> {
    let at = |line: usize, rule: String| Finding {
        path: source.path.clone(),
        line: line + 1,
        rule,
    };
    let folder = source
        .path
        .trim_end_matches("/Cargo.toml")
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let Some((_, used, used_in_tests)) = ARROWS.iter().find(|(name, ..)| *name == folder) else {
        return vec![at(
            0,
            format!("`{folder}` has no arrows in `architecture` and in this test"),
        )];
    };
    let mut section = "";
    let mut findings = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        if line.starts_with('[') {
            section = line.trim();
        }
        if !section.contains("dependencies") {
            continue;
        }
        // Either a line of the section, or a section of its own: `[dependencies.keypace]`.
        let named = line
            .trim_matches(['[', ']'])
            .rsplit("dependencies.")
            .next()
            .unwrap_or_default();
        let name: String = named
            .chars()
            .take_while(|c| is_word(*c) || *c == '-')
            .collect();
        let is_ours = ARROWS.iter().any(|(ours, ..)| *ours == name);
        let is_for_tests = section.contains("dev-dependencies");
        let allowed = used.contains(&name.as_str())
            || (is_for_tests && used_in_tests.contains(&name.as_str()));
        if is_ours && !allowed {
            findings.push(at(
                number,
                format!("`{folder}` must not use `{name}`: arrows point one way"),
            ));
        }
    }
    findings
}
