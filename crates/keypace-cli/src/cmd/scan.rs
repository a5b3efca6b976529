//! `keypace scan`: keys to stdout, one a line, as the walk finds them. Formats nothing itself.

use std::io::IsTerminal as _;

use keypace::{Order, Sweep};

use super::Run;
use super::walk::{self, Keys, Settle, Why};
use crate::args::Scan;
use crate::exit::{Exit, Halt, Phase};
use crate::render::Watched;
use crate::render::keys::KeyFormat;
use crate::render::output::{Output, Written};
use crate::settings::sweep_options;

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Scan) -> Result<Exit, Halt> {
    let format = format(typed, run.settings.json, std::io::stdout().is_terminal())?;
    let order = match (typed.sorted, typed.exact) {
        (true, _) => Order::Sorted,
        (false, true) => Order::Exact,
        (false, false) => Order::AsFound,
    };
    let options = sweep_options(&run.settings, &typed.select, &typed.resume, order)?;
    let deadline = walk::deadline(run);
    let keyspace = run.connect().await?;
    let mut sweep = run
        .interrupt
        .or(Sweep::list(&keyspace, options))
        .await?
        .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let keeps_place = typed.resume.checkpoint.is_some() || typed.resume.resume.is_some();
    let keys = Keys {
        output: Output::stdout()?,
        format,
        settle: if keeps_place {
            Settle::EachPage
        } else {
            Settle::Later
        },
    };
    let why = walk::drive(run, &mut sweep, deadline, Watched::Matches, Some(&keys)).await;
    finish(run, &sweep, why, typed, keys, order).await
}

/// Keys are out before the place behind them is kept, and before anything is said about them.
async fn finish(
    run: &Run,
    sweep: &Sweep,
    mut why: Why,
    typed: &Scan,
    keys: Keys,
    order: Order,
) -> Result<Exit, Halt> {
    if keys.format == KeyFormat::Json && why != Why::ReaderGone {
        // When the reader is gone, `finish` says so.
        let _ = keys.output.send(summary_line(sweep)?).await;
    }
    if keys.output.finish().await? == Written::ReaderGone {
        why = Why::ReaderGone;
    }
    let resumable = order == Order::AsFound && !run.settings.uses_keys();
    Ok(walk::conclude(run, sweep, why, &typed.resume, resumable))
}

fn summary_line(sweep: &Sweep) -> Result<Vec<u8>, Halt> {
    #[derive(serde::Serialize)]
    struct Last {
        summary: keypace::Summary,
    }
    let last = Last {
        summary: sweep.summary(),
    };
    super::json_line(&last)
}

fn format(typed: &Scan, json: bool, on_terminal: bool) -> Result<KeyFormat, Halt> {
    match (json, typed.nul) {
        (true, true) => Err(Halt::usage(
            "start: --json and -0 are two forms of the same output; choose one",
        )),
        (true, false) => Ok(KeyFormat::Json),
        (false, true) => Ok(KeyFormat::Nul),
        (false, false) if on_terminal => Ok(KeyFormat::Escaped),
        (false, false) => Ok(KeyFormat::Lines),
    }
}

#[cfg(test)]
mod tests {
    use super::format;
    use crate::args::Scan;
    use crate::exit::Exit;
    use crate::render::keys::KeyFormat;

    #[test]
    fn a_terminal_gets_the_escaped_form_and_a_pipe_the_bytes() {
        let typed = Scan::default();
        assert_eq!(format(&typed, false, true).ok(), Some(KeyFormat::Escaped));
        assert_eq!(format(&typed, false, false).ok(), Some(KeyFormat::Lines));
        assert_eq!(format(&typed, true, true).ok(), Some(KeyFormat::Json));
        let typed = Scan {
            nul: true,
            ..Scan::default()
        };
        assert_eq!(format(&typed, false, true).ok(), Some(KeyFormat::Nul));
        assert_eq!(
            format(&typed, true, false).err().map(|halt| halt.exit),
            Some(Exit::Usage)
        );
    }
}
