//! The list of `--keys-from`: opened from a file, or gathered from stdin without holding up Ctrl-C. Reads; deletes
//! nothing.

use std::path::Path;

use keypace::KeyList;
use tokio::sync::oneshot;

use super::Run;
use crate::args::{Delete, Global};
use crate::exit::{Exit, Halt, Phase, io_halt};

/// The name of stdin where a file is asked for.
const STDIN: &str = "-";

/// Whether the names come from stdin.
pub(super) fn is_stdin(typed: &Delete) -> bool {
    typed.keys_from.as_deref() == Some(Path::new(STDIN))
}

/// Stdin can be read once: for the names, or for the password.
pub(super) fn check_stdin(global: &Global, typed: &Delete) -> Result<(), Halt> {
    if is_stdin(typed) && global.password_file.as_deref() == Some(Path::new(STDIN)) {
        return Err(
            Halt::usage("start: --keys-from and --password-file can't both read stdin")
                .with_hint("name a file for one of them, or set KEYPACE_PASSWORD"),
        );
    }
    if is_stdin(typed) && (typed.resume.checkpoint.is_some() || typed.resume.resume.is_some()) {
        return Err(Halt::usage(
            "start: names from stdin keep no place, so --checkpoint and --resume can't go with them",
        )
        .with_hint("write the names to a file, and give it to --keys-from"));
    }
    Ok(())
}

/// The list. It is read through once, on a thread of its own: a pipe may take its time, and can't be cancelled.
pub(super) async fn read(run: &mut Run, file: &Path) -> Result<KeyList, Halt> {
    let folder = run.around.temporary_folder.clone();
    let file = file.to_owned();
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("names".to_owned())
        .spawn(move || {
            let list = if file == Path::new(STDIN) {
                KeyList::from_reader(std::io::stdin().lock(), "keys from stdin", &folder)
            } else {
                KeyList::open(&file)
            };
            // Whoever asked may have been interrupted.
            let _ = tell.send(list);
        })
        .map_err(|error| io_halt(Exit::Incomplete, "start a thread", &error))?;
    let list = run.interrupt.or(told).await?;
    let list = list.map_err(|_| Halt::new(Exit::Incomplete, "read the list: its thread ended"))?;
    list.map_err(|error| Halt::library(&error, Phase::Connecting))
}
