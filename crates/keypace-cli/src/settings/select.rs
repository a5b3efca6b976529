//! Which keys: patterns, types, limits, as the library's options. Talks to no server.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use keypace::{Error, ErrorKind, Order, Pattern, PatternError, ScanOptions, SweepOptions};

use super::Settings;
use crate::args::{Resume, Select};
use crate::exit::{Exit, Halt, Phase};

/// How much of a pattern an error repeats: the start is enough to find it again.
const SHOWN_PATTERN_CHARS: usize = 40;

/// The patterns that were typed, checked.
pub(crate) fn patterns(typed: &[OsString]) -> Result<Vec<Pattern>, Halt> {
    typed
        .iter()
        .map(|text| {
            let bytes = bytes_of(text)?;
            Pattern::new(bytes).map_err(|error| refused_pattern(text, &error))
        })
        .collect()
}

/// What an argument's bytes are: on Unix exactly those typed.
#[cfg(unix)]
fn bytes_of(text: &OsStr) -> Result<Vec<u8>, Halt> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(text.as_bytes().to_vec())
}

/// What an argument's bytes are: elsewhere only text has some.
#[cfg(not(unix))]
fn bytes_of(text: &OsStr) -> Result<Vec<u8>, Halt> {
    text.to_str()
        .map(|text| text.as_bytes().to_vec())
        .ok_or_else(|| Halt::usage("read a pattern: it is not Unicode"))
}

fn refused_pattern(typed: &OsStr, error: &PatternError) -> Halt {
    let exit = match error {
        PatternError::CouldStall { .. } => Exit::Refused,
        _ => Exit::Usage,
    };
    let shown: String = typed
        .to_string_lossy()
        .chars()
        .take(SHOWN_PATTERN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    let more = if typed
        .to_string_lossy()
        .chars()
        .nth(SHOWN_PATTERN_CHARS)
        .is_some()
    {
        "..."
    } else {
        ""
    };
    Halt::new(exit, format!("read the pattern '{shown}{more}': {error}")).with_hint(error.hint())
}

/// The library's options for a run over these keys.
pub(crate) fn sweep_options(
    settings: &Settings,
    select: &Select,
    resume: &Resume,
    order: Order,
) -> Result<SweepOptions, Halt> {
    let exclude = patterns(&select.exclude)?;
    let mut scan = ScanOptions::new(patterns(&select.patterns)?)
        .and_then(|scan| scan.with_exclude(exclude))
        .and_then(|scan| scan.with_types(select.types.clone()))
        .map_err(|error| Halt::library(&error, Phase::Connecting))?
        .with_count(settings.count)
        .with_strategy(settings.strategy)
        .with_lanes(settings.lanes)
        .with_order(order);
    if let Some(limit) = select.limit {
        scan = scan.with_limit(limit);
    }
    let mut options = SweepOptions::new(scan)
        .with_budget(settings.budget)
        .with_thresholds(settings.thresholds)
        .with_allow_uncovered(settings.allow_uncovered)
        .with_from_replica(settings.from_replica);
    if let Some(rate) = settings.rate {
        options = options.with_rate(rate);
    }
    if let Some(nodes) = settings.max_nodes {
        options = options.with_max_nodes(nodes);
    }
    check_resume(settings, resume, order)?;
    if let Some(path) = &resume.resume {
        options =
            options.with_resume(keypace::Checkpoint::load(path).map_err(unreadable_checkpoint)?);
    }
    if let Some(path) = resume.checkpoint.as_ref().or(resume.resume.as_ref()) {
        // A resumed run goes on keeping its place where it found it.
        options = options.with_checkpoint(path.clone());
    }
    Ok(options)
}

/// What can't go together with keeping a place, and a place that can't be kept.
fn check_resume(settings: &Settings, resume: &Resume, order: Order) -> Result<(), Halt> {
    if resume.checkpoint.is_none() && resume.resume.is_none() {
        return Ok(());
    }
    if settings.uses_keys() {
        return Err(Halt::usage(
            "start: --use-keys has no place to keep, so --checkpoint and --resume can't go with it",
        )
        .with_hint("leave out one of them: KEYS is one call, and SCAN is what can go on"));
    }
    if order != Order::AsFound {
        return Err(Halt::usage(
            "start: --sorted and --exact hold keys in memory, so --checkpoint and --resume can't go with them",
        )
        .with_hint("keep a plain scan's place, and remove duplicates from its output with `sort -u`"));
    }
    let folder = resume.checkpoint.as_deref().and_then(Path::parent);
    match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(Halt::usage(format!(
            "start: --checkpoint: there is no folder {}",
            folder.display()
        ))),
        None => Ok(()),
    }
}

/// A file that isn't there was typed wrongly; one that is there and can't be used is refused.
fn unreadable_checkpoint(error: Error) -> Halt {
    let halt = Halt::library(&error, Phase::Connecting);
    match error.kind() {
        ErrorKind::Io => Halt {
            exit: Exit::Usage,
            ..halt
        },
        _ => halt,
    }
}
