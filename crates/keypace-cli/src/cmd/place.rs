//! Where a run's place is kept when it stops: the file that was named, else one of ours in the state folder that no
//! other user can read. Decides where; the library decides what is in it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use keypace::Sweep;

use super::Run;
use super::resume::command_line;
use crate::args::Resume;
use crate::exit::{Exit, Halt, Phase, io_halt};
use crate::render::paint::Paint;
use crate::render::text;

/// Writes the place of a stopped run, and tells how to go on from it.
pub(super) fn keep(run: &Run, sweep: &Sweep, typed: &Resume) -> Result<(), Halt> {
    keep_of(run, sweep.summary().command, typed, |path| {
        sweep.save_checkpoint(path)
    })
}

/// The same for work that saves its place by itself.
pub(super) fn keep_of(
    run: &Run,
    command: &str,
    typed: &Resume,
    save: impl FnOnce(&Path) -> keypace::Result<()>,
) -> Result<(), Halt> {
    let path = match typed.checkpoint.as_ref().or(typed.resume.as_ref()) {
        Some(path) => path.clone(),
        None => own_file(run, command)?,
    };
    save(&path).map_err(|error| Halt::library(&error, Phase::Walking))?;
    let typed: Vec<_> = std::env::args_os().collect();
    run.stderr.line(&text::how_to_resume(
        &command_line(&typed, &path),
        Paint::stderr(),
    ));
    Ok(())
}

/// A name that no other run has: time and process tell runs apart.
fn own_file(run: &Run, command: &str) -> Result<PathBuf, Halt> {
    let Some(folder) = &run.around.state_folder else {
        return Err(Halt::new(
            Exit::Incomplete,
            "keep the run's place: there is no home folder to keep it in",
        )
        .with_hint("name a file with --checkpoint"));
    };
    make_private(folder).map_err(|error| {
        io_halt(
            Exit::Incomplete,
            format!("keep the run's place: make the folder {}", folder.display()),
            &error,
        )
    })?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Ok(folder.join(format!("{command}-{now}-{}.checkpoint", std::process::id())))
}

/// Names of keys and servers are nobody else's business.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}
