//! What a reader of the figures has to know. Measures nothing.

use super::by_owner::REPEATS;
use super::choice::Choice;
use super::owned::{MAX_SESSIONS, PAGE_SESSIONS};
use super::ways::MAX_GETS;
use crate::args::BenchJob;
use crate::render::bench::{Row, Way};
use crate::render::figures::{grouped, wait};

/// In the order in which they are shown.
pub(super) fn explain(is_own: bool, choice: &Choice, rows: &[Row]) -> Vec<String> {
    let mut notes = vec![format!(
        "keypace: with a budget of {}; keypace, off: at full speed. All others are loops over a raw socket that keep \
         nothing. Walls are without connecting.",
        wait(choice.budget_us)
    )];
    notes.push(
        "Commands and bytes of keypace are the server's own counters less the other client's part, with all that \
         keypace asks for its pace."
            .to_owned(),
    );
    if choice.jobs.contains(&BenchJob::Owner) {
        notes.extend(by_owner(choice));
    }
    if !is_own {
        notes.push(
            "What other clients of this server did meanwhile is counted with keypace's commands and bytes, and shows \
             in all waits."
                .to_owned(),
        );
    }
    notes.push(
        "How many calls a SCAN walk needs depends a little on the server's hash seed, which is another one each time \
         a server starts."
            .to_owned(),
    );
    let is_part = |row: &Row| row.way == Way::GetEach && row.keys > MAX_GETS;
    if rows.iter().any(is_part) {
        notes.push(format!(
            "* GET each reads the first {} of the keys; `found` says so in --json.",
            grouped(MAX_GETS)
        ));
    }
    notes
}

fn by_owner(choice: &Choice) -> Vec<String> {
    let mut notes = vec![
        format!(
            "One owner: all sessions of one, or by `index page` the newest {PAGE_SESSIONS}, among so many of many owners. The \
             index is keypace's. Other ways take as long for a page as for all, as nothing is in order before all is \
             read, and they do not sort."
        ),
        format!(
            "SMEMBERS and the index list {REPEATS} times in a row: wall, commands and bytes are of one list, waits of all. \
             What a script does within the server is no command here."
        ),
    ];
    if choice.largest() > MAX_SESSIONS {
        notes.push(format!(
            "One owner's sessions are listed among {} at most.",
            grouped(MAX_SESSIONS)
        ));
    }
    notes
}
