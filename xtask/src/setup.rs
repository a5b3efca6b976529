//! Server programs for the demo, the tests and the benchmarks, and the PostgreSQL that sessions are tested on: finds
//! them, and installs them where none is there.
//! Must not start a service, and leaves every program that it finds as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use keypace_lab::{POSTGRES_VARIABLE, PostgresProgram, Program, SERVER_VARIABLE, install_hint};

use crate::failure::{Failure, Outcome};
use crate::servers;
use crate::shell;
use crate::workspace::Workspace;

/// What Debian asks before it starts a service.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";
/// Where Debian's service keeps its process id, once it runs.
const SERVICE_PID: &str = "/run/redis/redis-server.pid";

/// One program, whichever: the one that is there, else Debian's Redis, else the Valkey of `servers.toml`.
pub(crate) fn any(workspace: &Workspace) -> Outcome<Program> {
    // A variable that names something else is a mistake to report, not a reason to install anything.
    if std::env::var_os(SERVER_VARIABLE).is_some() {
        return Ok(Program::find()?);
    }
    if let Ok(program) = Program::find() {
        return Ok(program);
    }
    let mut reasons = Vec::new();
    for install in [debian, servers::valkey] {
        match install(workspace) {
            Ok(program) => return Ok(program),
            Err(reason) => reasons.push(reason.to_string()),
        }
    }
    Err(Failure::new(format!(
        "found no server program and could not install one\n{}\n{}",
        reasons.join("\n"),
        install_hint()
    )))
}

/// Every program here, after trying to have both a Redis and a Valkey, and a line for each that could not be had.
pub(crate) fn both(workspace: &Workspace) -> (Vec<Program>, Vec<String>) {
    let mut missing = Vec::new();
    let has = |name: &str| Program::all().iter().any(|program| program.name == name);
    for (name, install) in [("redis", debian as Installer), ("valkey", servers::valkey)] {
        if has(name) {
            continue;
        }
        if let Err(reason) = install(workspace) {
            missing.push(format!("not run: live tests on {name} ({reason})"));
        }
    }
    (Program::all(), missing)
}

type Installer = fn(&Workspace) -> Outcome<Program>;

/// PostgreSQL's programs, after trying to install them, or a line that says which tests go without.
pub(crate) fn postgres() -> Result<PostgresProgram, String> {
    let found = PostgresProgram::find().map_err(Failure::from);
    // A variable that names something else is a mistake to report, not a reason to install anything.
    let installed = if found.is_ok() || std::env::var_os(POSTGRES_VARIABLE).is_some() {
        found
    } else {
        debian_package("postgresql").and_then(|()| Ok(PostgresProgram::find()?))
    };
    installed.map_err(|reason| format!("not run: tests of sessions on PostgreSQL ({reason})"))
}

/// Debian's package `redis-server`.
fn debian(_workspace: &Workspace) -> Outcome<Program> {
    let ran_before = Path::new(SERVICE_PID).exists();
    debian_package("redis-server")?;
    if !ran_before && Path::new(SERVICE_PID).exists() {
        shell::output(Command::new("service").args(["redis-server", "stop"]))?;
    }
    let path = shell::which("redis-server")
        .ok_or_else(|| Failure::new("Debian's package redis-server brought no program"))?;
    Ok(Program::at(path)?)
}

/// Installs a package of Debian's and starts no service. Needs root and apt-get.
fn debian_package(name: &str) -> Outcome {
    let apt = shell::which("apt-get")
        .ok_or_else(|| Failure::new(format!("Debian's package {name}: there is no apt-get")))?;
    if !shell::is_root() {
        return Err(Failure::new(format!(
            "Debian's package {name}: only root can install it"
        )));
    }
    eprintln!("installing Debian's package {name}");
    let _policy = ServicePolicy::forbid_starts()?;
    let install = || {
        let mut command = Command::new(&apt);
        command
            .args(["install", "-y", "--no-install-recommends", name])
            .env("DEBIAN_FRONTEND", "noninteractive");
        shell::output(&mut command)
    };
    if install().is_err() {
        // A fresh machine has no package lists yet.
        shell::output(Command::new(&apt).args(["update"]))?;
        install()?;
    }
    Ok(())
}

/// While it lives, packages that are installed don't start their services. A policy that is there already stays.
struct ServicePolicy {
    written: Option<PathBuf>,
}

impl ServicePolicy {
    fn forbid_starts() -> Outcome<Self> {
        let path = PathBuf::from(SERVICE_POLICY);
        if path.exists() {
            return Ok(Self { written: None });
        }
        let text = "#!/bin/sh\n# Written by `cargo xtask` while it installs a package; safe to remove.\nexit 101\n";
        let written = fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
        written
            .map_err(|error| Failure::new(format!("failed to write {SERVICE_POLICY}: {error}")))?;
        Ok(Self {
            written: Some(path),
        })
    }
}

impl Drop for ServicePolicy {
    fn drop(&mut self) {
        if let Some(path) = &self.written
            && let Err(error) = fs::remove_file(path)
        {
            eprintln!(
                "failed to remove {}: {error}; remove it, or no service starts",
                path.display()
            );
        }
    }
}

/// Installs packages of Debian's, as [`debian_package`] does.
pub(crate) fn packages(names: &[&str]) -> Outcome {
    names.iter().try_for_each(|name| debian_package(name))
}
