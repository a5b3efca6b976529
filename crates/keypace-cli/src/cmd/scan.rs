//! `keypace scan`: keys to stdout, one a line, as the walk finds them. Formats nothing itself.

use std::cell::Cell;
use std::io::IsTerminal as _;

use keypace::{Describe, Order, Sweep};

use super::Run;
use super::walk::{self, Keys, Settle, Why};
use crate::args::{Field, Scan, Select};
use crate::exit::{Exit, Halt, Phase};
use crate::render::keys::KeyFormat;
use crate::render::output::{Output, Written};
use crate::render::{Watched, text};
use crate::settings::sweep_options;

/// Runs the command.
pub(super) async fn run(run: &mut Run, typed: &Scan) -> Result<Exit, Halt> {
    let format = format(typed, run.settings.json, std::io::stdout().is_terminal())?;
    let order = match (typed.sorted, typed.exact) {
        (true, _) => Order::Sorted,
        (false, true) => Order::Exact,
        (false, false) => Order::AsFound,
    };
    let Select { patterns, filter } = &typed.select;
    let options = sweep_options(&run.settings, patterns, filter, &typed.resume, order)?
        .with_describe(described(&typed.with));
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
        fields: typed.with.clone(),
        settle: if keeps_place {
            Settle::EachPage
        } else {
            Settle::Later
        },
        had_elements: Cell::new(false),
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
    let had_elements = keys.had_elements.get();
    if keys.output.finish().await? == Written::ReaderGone {
        why = Why::ReaderGone;
    }
    if had_elements && why != Why::ReaderGone {
        run.stderr.prose(text::sizes_are_elements());
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

fn described(fields: &[Field]) -> Describe {
    fields
        .iter()
        .fold(Describe::default(), |described, field| match field {
            Field::Type => described.with_type(),
            Field::Ttl => described.with_ttl(),
            Field::Idle => described.with_idle(),
            Field::Size => described.with_size(),
        })
}

fn format(typed: &Scan, json: bool, on_terminal: bool) -> Result<KeyFormat, Halt> {
    if typed.nul && !typed.with.is_empty() {
        return Err(
            Halt::usage("start: -0 writes names alone, so --with can't go with it")
                .with_hint("--json has the fields, and names as they are"),
        );
    }
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
    use crate::args::{Field, Scan};
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
        let typed = Scan {
            with: vec![Field::Ttl],
            ..typed
        };
        assert_eq!(
            format(&typed, false, false).err().map(|halt| halt.exit),
            Some(Exit::Usage)
        );
    }
}
