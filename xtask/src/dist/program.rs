//! The program `keypace`: one that needs glibc, and a static one that needs nothing. Each is built, looked into, measured
//! and run against a server. Must not take a program for static by its name: its headers say so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keypace_lab::{Endpoint, OwnedServer, Raw, ServerOptions};

use super::{Built, Ground, archive, io, limits, shown, startup, within};
use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;

/// Keys that a built program has to find on a server.
const KEYS: usize = 1000;

/// What is built for one target.
pub(super) struct Program {
    /// Cargo's name of the target.
    pub(super) target: String,
    /// Without symbols, ready to hand out.
    pub(super) path: PathBuf,
    bytes: u64,
}

/// For this machine's own target.
pub(super) fn gnu(ground: &Ground) -> Outcome<Built> {
    let program = build_gnu(ground)?;
    finish(ground, &program)
}

/// Builds it, and leaves it without symbols below `target/dist`.
pub(super) fn build_gnu(ground: &Ground) -> Outcome<Program> {
    build(ground, host()?, None, limits::GNU_BYTES)
}

/// For musl, in one static file.
pub(super) fn musl(ground: &Ground) -> Outcome<Built> {
    let target = host()?.replace("-gnu", "-musl");
    if !target.ends_with("-musl") {
        return Ok(Built::No(format!(
            "the target {target} has no sibling with musl"
        )));
    }
    if let Err(reason) = have_musl(&target) {
        return Ok(Built::No(reason.to_string()));
    }
    let program = build(ground, target.clone(), Some(&target), limits::MUSL_BYTES)?;
    if let Some(need) = needs(&program.path)? {
        return Err(Failure::new(format!(
            "{} is not static: {need}",
            program.path.display()
        )));
    }
    finish(ground, &program)
}

/// The standard library for the target, and a C compiler for it: SQLite, zstd and the grammars are C.
fn have_musl(target: &str) -> Outcome {
    let folder = shell::output(Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        target,
    ]))?;
    if !Path::new(folder.trim()).is_dir() {
        eprintln!("installing the target {target}");
        shell::output(Command::new("rustup").args(["target", "add", target]))?;
    }
    if shell::which("musl-gcc").is_none() {
        setup::packages(&["musl-tools"])?;
    }
    Ok(())
}

fn build(ground: &Ground, name: String, target: Option<&str>, most: u64) -> Outcome<Program> {
    let mut cargo = shell::cargo(&ground.workspace.root);
    cargo.args(["build", "--release", "--locked", "--package", "keypace-cli"]);
    if let Some(target) = target {
        cargo.args(["--target", target]);
    }
    shell::run(&mut cargo)?;
    let built = ground
        .workspace
        .target
        .join(target.unwrap_or_default())
        .join("release/keypace");
    let path = ground.folder.join(format!("keypace-{name}"));
    fs::copy(&built, &path).map_err(|error| io(&built, &error))?;
    shell::run(Command::new("strip").arg(&path))?;
    let bytes = within(&path, most)?;
    Ok(Program {
        target: name,
        path,
        bytes,
    })
}

/// Runs it, measures it and packs it with its licences and pages.
fn finish(ground: &Ground, program: &Program) -> Outcome<Built> {
    let found = against_a_server(ground, &program.path)?;
    let startup = startup::measure(&program.path)?;
    let archive = archive::pack(ground, program)?;
    let libraries = needs(&program.path)?.unwrap_or_else(|| "static, needs no library".to_owned());
    Ok(Built::Yes(format!(
        "{}: {}; {libraries}; {found}; {startup}; {archive}",
        program.target,
        shown(program.bytes),
    )))
}

/// What it needs of the machine that runs it, as its headers have it; nothing for a static one.
fn needs(program: &Path) -> Outcome<Option<String>> {
    let read = |what: &str| {
        shell::output(
            Command::new("readelf")
                .args([what, "--wide"])
                .arg(program)
                .env("LC_ALL", "C"),
        )
    };
    Ok(needs_in(&read("--program-headers")?, &read("--dynamic")?))
}

fn needs_in(headers: &str, dynamic: &str) -> Option<String> {
    let loader = headers
        .lines()
        .find_map(|line| line.split_once("program interpreter: "))
        .map(|(_, path)| path.trim_end_matches(']').to_owned());
    let libraries = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()));
    let all: Vec<_> = loader.into_iter().chain(libraries).collect();
    (!all.is_empty()).then(|| format!("needs {}", all.join(", ")))
}

/// It names its version and counts the keys of a server that is started for it.
fn against_a_server(ground: &Ground, program: &Path) -> Outcome<String> {
    let version = shell::output(ground.workspace.keypace(program).arg("--version"))?;
    if version.trim() != format!("keypace {}", ground.version) {
        return Err(Failure::new(format!(
            "{} says that it is {version:?}",
            program.display()
        )));
    }
    let server_program = setup::any(&ground.workspace)?;
    let server = OwnedServer::start(&server_program, ServerOptions::default())?;
    fill(server.endpoint())?;
    let url = server.url();
    let mut count = ground.workspace.keypace(program);
    count.args(["--url", &url, "--json", "count", "dist:*"]);
    let text = shell::output(&mut count)?;
    let summary: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("failed to read {text:?}: {error}")))?;
    if summary["matched"] != KEYS || summary["complete"] != true {
        return Err(Failure::new(format!(
            "of {KEYS} keys {} found {text}",
            program.display()
        )));
    }
    Ok(format!("counted {KEYS} keys on {}", server_program.label()))
}

fn fill(endpoint: &Endpoint) -> Outcome {
    let mut server = Raw::connect(endpoint)?;
    let mut pipeline = server.pipeline();
    for number in 0..KEYS {
        pipeline.add(&[b"SET", format!("dist:{number}").as_bytes(), b"value"]);
    }
    for answer in pipeline.run()? {
        answer.checked()?;
    }
    Ok(())
}

/// The target that this machine's compiler builds for.
fn host() -> Outcome<String> {
    let text = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not say what it builds for"))
}

#[cfg(test)]
mod tests {
    use super::needs_in;

    #[test]
    fn a_program_is_static_when_no_header_asks_for_a_loader_or_a_library() {
        let headers = "  INTERP  0x1\n      [Requesting program interpreter: /lib64/ld.so.2]\n";
        let dynamic = " 0x1 (NEEDED)  Shared library: [libc.so.6]\n 0x2 (SONAME) [x]\n";
        assert_eq!(
            needs_in(headers, dynamic).as_deref(),
            Some("needs /lib64/ld.so.2, libc.so.6")
        );
        assert_eq!(needs_in("", dynamic).as_deref(), Some("needs libc.so.6"));
        let own = "  LOAD 0x0\n";
        assert_eq!(needs_in(own, "There is no dynamic section"), None);
    }
}
