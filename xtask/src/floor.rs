//! `xtask floor ...`: the raw-socket loop as a process of its own, so that it is measured as keypace is.
//! Must not do more than the loop: whatever is added here makes keypace look better.

use std::path::Path;

use keypace_lab::{Endpoint, floor};

use crate::bench::saving;
use crate::failure::{self, Outcome};

/// COUNT of the benchmarks: nothing is gained above it.
pub(crate) const DEFAULT_COUNT: u64 = 1000;
/// Keys in one UNLINK, as keypace has it.
pub(crate) const DEFAULT_BATCH: usize = 500;

/// `list|keys|delete URL PATTERN [COUNT [BATCH]]`, or `save URL FILE`
pub(crate) fn run(words: &[String]) -> Outcome {
    let [what, url, pattern, rest @ ..] = words else {
        return Err(failure::usage(
            "floor takes list, keys or delete, a URL and a pattern",
        ));
    };
    let endpoint: Endpoint = url.parse()?;
    if what == "save" {
        return save(&endpoint, pattern);
    }
    let pattern = pattern.as_bytes();
    let count = number(rest.first(), DEFAULT_COUNT)?;
    let batch = number(rest.get(1), DEFAULT_BATCH)?;
    let counts = match what.as_str() {
        "list" => floor::list(&endpoint, pattern, count)?,
        "keys" => floor::keys(&endpoint, pattern)?,
        "delete" => floor::delete(&endpoint, pattern, count, batch)?,
        other => {
            return Err(failure::usage(format!(
                "floor takes list, keys or delete, not {other:?}"
            )));
        }
    };
    println!(
        "{} calls, {} keys, {} removed, {} bytes",
        counts.calls, counts.keys, counts.removed, counts.bytes
    );
    Ok(())
}

/// `save URL FILE`: every key, its value to the file first.
fn save(endpoint: &Endpoint, file: &str) -> Outcome {
    let Endpoint::Tcp(address) = endpoint else {
        return Err(failure::usage("the loop takes a port"));
    };
    let removed = saving::run(*address, Path::new(file))?;
    println!("{removed} removed");
    Ok(())
}

fn number<N: std::str::FromStr>(word: Option<&String>, default: N) -> Outcome<N> {
    match word {
        Some(word) => word
            .parse()
            .map_err(|_| failure::usage(format!("{word:?} is not a number"))),
        None => Ok(default),
    }
}
