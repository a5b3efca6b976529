//! How a server is inspected: the pace, the sample, how long it is watched. Talks to no server.

use std::time::Duration;

use keypace::{InspectOptions, limits};

use super::{Settings, units};
use crate::args::Inspect;
use crate::exit::Halt;

/// The library's options for an inspection.
pub(crate) fn inspect_options(settings: &Settings, typed: &Inspect) -> InspectOptions {
    let options = InspectOptions::default()
        .with_budget(settings.budget)
        .with_thresholds(settings.thresholds)
        .with_sample_keys(typed.sample);
    if typed.capabilities {
        options.with_capabilities()
    } else {
        options
    }
}

/// How long to watch, if at all.
pub(crate) fn watch(typed: &Inspect) -> Result<Option<Duration>, Halt> {
    let Some(text) = &typed.watch else {
        return Ok(None);
    };
    let watch =
        units::duration(text).map_err(|why| Halt::usage(format!("start: --watch: {why}")))?;
    let longest = limits::inspect::INSPECT_MAX_WATCH;
    if watch.is_zero() || watch > longest {
        return Err(Halt::usage(format!(
            "start: --watch: `{text}` is not above 0 and up to {} h",
            longest.as_secs() / 3600
        ))
        .with_hint("leave it out to see what was counted since the server's start"));
    }
    Ok(Some(watch))
}

#[cfg(test)]
mod tests {
    use super::watch;
    use crate::args::Inspect;
    use std::time::Duration;

    #[test]
    fn a_watch_has_an_end() {
        let watched = |text: &str| {
            watch(&Inspect {
                watch: Some(text.to_owned()),
                ..Inspect::default()
            })
        };
        assert_eq!(watched("60s").expect("60s"), Some(Duration::from_secs(60)));
        assert_eq!(watch(&Inspect::default()).expect("none"), None);
        for text in ["", "60", "0s", "2d"] {
            assert!(watched(text).expect_err(text).text.contains("--watch"));
        }
    }
}
