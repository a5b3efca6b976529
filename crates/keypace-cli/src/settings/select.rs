//! Which keys: patterns or a list, types, limits, filters, as the library's options. Talks to no server.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use keypace::{
    Checkpoint, Error, KeyList, Order, Pattern, PatternError, ScanOptions, SweepOptions,
};

use super::Settings;
use super::filters::filters;
use crate::args::{Filter, Resume};
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
pub(super) fn bytes_of(text: &OsStr) -> Result<Vec<u8>, Halt> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(text.as_bytes().to_vec())
}

/// What an argument's bytes are: elsewhere only text has some.
#[cfg(not(unix))]
pub(super) fn bytes_of(text: &OsStr) -> Result<Vec<u8>, Halt> {
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

/// The library's options for a run over the keys that match.
pub(crate) fn sweep_options(
    settings: &Settings,
    typed: &[OsString],
    filter: &Filter,
    resume: &Resume,
    order: Order,
) -> Result<SweepOptions, Halt> {
    let scan = ScanOptions::new(patterns(typed)?).map_err(unusable)?;
    options_of(settings, scan.with_order(order), filter, resume, order)
}

/// The library's options for a run over the keys of a list.
pub(crate) fn listed_options(
    settings: &Settings,
    list: KeyList,
    filter: &Filter,
    resume: &Resume,
) -> Result<SweepOptions, Halt> {
    if settings.uses_keys() {
        return Err(Halt::usage(
            "start: --keys-from names the keys, so there is nothing to find with --use-keys",
        )
        .with_hint("leave out one of them"));
    }
    let scan = ScanOptions::from_keys(list);
    options_of(settings, scan, filter, resume, Order::AsFound)
}

pub(super) fn options_of(
    settings: &Settings,
    scan: ScanOptions,
    filter: &Filter,
    resume: &Resume,
    order: Order,
) -> Result<SweepOptions, Halt> {
    let exclude = patterns(&filter.exclude)?;
    let mut scan = scan
        .with_exclude(exclude)
        .and_then(|scan| scan.with_types(filter.types.clone()))
        .map_err(unusable)?
        .with_count(settings.count)
        .with_strategy(settings.strategy)
        .with_lanes(settings.lanes);
    if let Some(limit) = filter.limit {
        scan = scan.with_limit(limit);
    }
    let mut options = SweepOptions::new(scan)
        .with_filters(filters(settings, filter)?)
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
        options = options.with_resume(Checkpoint::load(path).map_err(unusable)?);
    }
    if let Some(path) = resume.checkpoint.as_ref().or(resume.resume.as_ref()) {
        // A resumed run goes on keeping its place where it found it.
        options = options.with_checkpoint(path.clone());
    }
    Ok(options)
}

/// What the library says of something that was typed.
pub(super) fn unusable(error: Error) -> Halt {
    Halt::library(&error, Phase::Connecting)
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
    match &resume.checkpoint {
        Some(path) => has_folder(path, "--checkpoint"),
        None => Ok(()),
    }
}

/// A file that is to be made needs a folder to stand in.
pub(super) fn has_folder(path: &Path, flag: &str) -> Result<(), Halt> {
    let folder = path.parent();
    match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(Halt::usage(format!(
            "start: {flag}: there is no folder {}",
            folder.display()
        ))
        .with_hint("make the folder first, or name a file in one that is there")),
        None => Ok(()),
    }
}
