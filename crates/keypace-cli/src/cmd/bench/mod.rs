//! `keypace bench`: KEYS, SCAN, bulk reads, deletes, lists by owner and keypace side by side, on a private server, and what another
//! client waits beside each. What happens around the measurements: refusals, cleaning up, the output. Touches no
//! server but its own, unless one is named and meant, and there no key but its own.

mod by_owner;
mod choice;
mod ground;
mod guest;
mod lane;
mod notes;
mod owned;
mod session;
mod steps;
mod ways;

use std::path::Path;

use self::choice::Choice;
use self::ground::Ground;
use self::steps::Steps;
use super::{Run, json_line, print};
use crate::args::{Bench, Global};
use crate::exit::{Exit, Halt, io_halt};
use crate::render::bench::{Report, picture, table};
use crate::render::paint::Paint;

pub(super) use self::choice::globals;

/// Why one measurement has no figures.
#[derive(Debug)]
enum Trouble {
    /// The server refused this way; the others can go on.
    Refused(String),
    /// Nothing can go on.
    Halted(Halt),
}

impl Trouble {
    /// Where a refusal can't be gone around.
    fn into_halt(self) -> Halt {
        match self {
            Self::Refused(text) => Halt::new(
                Exit::Incomplete,
                format!("prepare a measurement: the server refused: {text}"),
            ),
            Self::Halted(halt) => halt,
        }
    }
}

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Bench, global: &Global) -> Result<Exit, Halt> {
    let choice = Choice::read(typed, run.settings.budget)?;
    let mut ground = match &typed.on {
        None => Ground::own(run).await?,
        Some(url) => {
            let visit = guest::visit(url, global, &choice)?;
            let ground = Ground::foreign(run, visit).await?;
            let checking = guest::check(
                &ground.lane,
                &ground.visit,
                ground.keyspace.server(),
                &choice,
            );
            run.interrupt
                .or(checking)
                .await?
                .map_err(Trouble::into_halt)?;
            run.stderr.line(&ground.announcement());
            ground
        }
    };
    let mut steps = Steps::new(&run.stderr, run.settings.progress, choice.steps());
    // Interrupted, the measurement is dropped where it stands; what it has begun is waited for and cleared.
    let mut interrupt = run.interrupt.clone();
    let measured = interrupt
        .or(session::measure(&mut ground, &choice, &mut steps))
        .await;
    let is_own = ground.is_own();
    ground.clear().await?;
    // A Ctrl-C at the terminal may have broken a measurement before it reached us.
    if run.interrupt.has_happened() {
        return Err(interrupted(is_own));
    }
    let report = measured??;
    show(run, &choice, &report).await
}

fn interrupted(is_own: bool) -> Halt {
    let cleared = if is_own {
        "the private server is stopped and its folder removed"
    } else {
        "the keys of this bench are removed"
    };
    Halt::new(
        Exit::Interrupted,
        format!("finish the measurements: interrupted; {cleared}"),
    )
}

async fn show(run: &Run, choice: &Choice, report: &Report) -> Result<Exit, Halt> {
    let result = if run.settings.json {
        json_line(report)?
    } else {
        table(report, columns(), Paint::stdout()).into_bytes()
    };
    let printed = print(result).await?;
    if let Some(path) = &choice.svg {
        draw(path, report)?;
    }
    if report.complete {
        return Ok(printed);
    }
    Err(Halt::new(
        Exit::Incomplete,
        "measure everything: a way did not do what it was to do; the notes name it",
    ))
}

/// The table is for stdout, which may be a file.
fn columns() -> usize {
    console::Term::stdout()
        .size_checked()
        .map_or(crate::render::wrap::PAGE_COLUMNS, |(_, columns)| {
            usize::from(columns)
        })
}

fn draw(path: &Path, report: &Report) -> Result<(), Halt> {
    std::fs::write(path, picture(report)).map_err(|error| {
        io_halt(
            Exit::Incomplete,
            format!("write the picture {}", path.display()),
            &error,
        )
    })
}
