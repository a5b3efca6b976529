//! What was typed means this: flags over environment over file over defaults, checked and given units.
//! Talks to no server and prints nothing; warnings are handed to whoever prints.

#[cfg(feature = "audit")]
mod audit;
mod backup;
mod filters;
mod index;
mod inspect;
mod layers;
mod pressure;
pub(crate) mod secret;
mod select;
mod serve;
mod servers;
mod stats;
mod surroundings;
mod urls;

use std::time::Duration;

use keypace::{
    Budget, ConnectOptions, Count, CountChoice, Lanes, Strategy, Target, Thresholds, limits,
};

#[cfg(feature = "audit")]
pub(crate) use self::audit::AuditSettings;
pub(crate) use self::backup::backup_target;
pub(crate) use self::index::{index_walk, keys_path, namespace, old_layout, owner, owner_keys};
pub(crate) use self::inspect::{inspect_options, watch};
pub(crate) use self::select::{listed_options, patterns, sweep_options};
pub(crate) use self::serve::{config as serve_config, key_owner};
pub(crate) use self::stats::stats_options;
pub(crate) use self::surroundings::Surroundings;

use keypace_server::units;

use self::layers::{Merged, merge};
use crate::args::{Global, ProgressChoice};
use crate::exit::{Halt, Phase};

/// What the run is to do, whatever its command.
pub(crate) struct Settings {
    /// Where and as whom.
    pub(crate) target: Target,
    /// How to connect.
    pub(crate) connect: ConnectOptions,
    /// The promise.
    pub(crate) budget: Budget,
    /// From where on to hold back for what the server says of itself.
    pub(crate) thresholds: Thresholds,
    /// Keys a second.
    pub(crate) rate: Option<u64>,
    /// How long the run may last.
    pub(crate) deadline: Option<Duration>,
    /// COUNT.
    pub(crate) count: CountChoice,
    /// SCAN or KEYS.
    pub(crate) strategy: Strategy,
    /// How many walkers on each node.
    pub(crate) lanes: Lanes,
    /// How many nodes of a cluster are walked at once.
    pub(crate) max_nodes: Option<usize>,
    /// Whether to walk what is served where some slots are not.
    pub(crate) allow_uncovered: bool,
    /// Whether to walk replicas.
    pub(crate) from_replica: bool,
    /// Whether to take idle time as it is where it may be wrong.
    pub(crate) trust_idle: bool,
    /// Machine output.
    pub(crate) json: bool,
    /// How to show progress.
    pub(crate) progress: ProgressChoice,
    /// What a person should hear of before the run begins.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Works out the settings.
    pub(crate) fn resolve(typed: &Global, around: &Surroundings) -> Result<Self, Halt> {
        let merged = merge(typed, around)?;
        let mut warnings = Vec::new();
        Ok(Self {
            connect: connect_options(&merged)?,
            budget: budget(&merged)?,
            thresholds: pressure::thresholds(&merged)?,
            rate: rate(&merged)?,
            deadline: deadline(&merged, around)?,
            count: count(&merged)?,
            strategy: match (merged.values.use_scan.unwrap_or(true), typed.i_know) {
                (true, _) => Strategy::Scan,
                (false, false) => Strategy::Keys,
                (false, true) => Strategy::KeysAnySize,
            },
            json: merged.values.json.unwrap_or(false),
            progress: merged.values.progress.unwrap_or(ProgressChoice::Auto),
            target: servers::target(&merged, around, &mut warnings)?,
            lanes: lanes(&merged)?,
            max_nodes: max_nodes(&merged)?,
            allow_uncovered: merged.values.allow_uncovered.unwrap_or(false),
            from_replica: merged.values.from_replica.unwrap_or(false),
            trust_idle: merged.values.trust_idle.unwrap_or(false),
            warnings,
        })
    }

    /// Whether KEYS takes the place of SCAN.
    pub(crate) fn uses_keys(&self) -> bool {
        self.strategy != Strategy::Scan
    }
}

/// The password beside a URL, for a command that connects without the library too.
pub(crate) fn password_beside_url(
    typed: &Global,
    around: &Surroundings,
    url_has_one: bool,
) -> Result<Option<String>, Halt> {
    secret::password(&merge(typed, around)?, around, url_has_one)
}

fn connect_options(merged: &Merged) -> Result<ConnectOptions, Halt> {
    let mut options = ConnectOptions::default();
    if let Some(text) = &merged.values.timeout {
        let timeout = units::duration(text).map_err(|why| unreadable(merged, "timeout", &why))?;
        options = options
            .with_timeout(timeout)
            .map_err(|error| Halt::library(&error, Phase::Connecting))?;
    }
    if let Some(retries) = merged.values.retries {
        if retries > limits::MAX_RETRIES {
            return Err(unreadable(
                merged,
                "retries",
                &format!("{retries} is more than {}", limits::MAX_RETRIES),
            ));
        }
        options = options.with_retries(retries);
    }
    servers::with_topology(options, merged)
}

fn budget(merged: &Merged) -> Result<Budget, Halt> {
    let wait = match merged.values.budget.as_deref() {
        Some("off") => return Ok(Budget::off()),
        Some(text) => units::duration(text)
            .map_err(|why| unreadable(merged, "budget", &format!("{why}, or `off`")))?,
        None => return Ok(Budget::default()),
    };
    Budget::of(wait).map_err(|error| Halt::library(&error, Phase::Connecting))
}

fn rate(merged: &Merged) -> Result<Option<u64>, Halt> {
    match merged.values.rate {
        Some(0) => Err(unreadable(
            merged,
            "rate",
            "0 would never end; leave it out for no ceiling",
        )),
        rate => Ok(rate),
    }
}

fn lanes(merged: &Merged) -> Result<Lanes, Halt> {
    let text = match merged.values.lanes.as_deref() {
        None | Some("auto") => return Ok(Lanes::Auto),
        Some(text) => text,
    };
    match text.parse() {
        Ok(lanes) if (1..=limits::MAX_LANES).contains(&lanes) => Ok(Lanes::Fixed(lanes)),
        _ => Err(unreadable(
            merged,
            "lanes",
            &format!(
                "`{text}` is neither a number from 1 to {} nor `auto`",
                limits::MAX_LANES
            ),
        )),
    }
}

fn max_nodes(merged: &Merged) -> Result<Option<usize>, Halt> {
    match merged.values.max_nodes {
        Some(0) => Err(unreadable(
            merged,
            "max_nodes",
            "0 would walk nothing; leave it out for all at once",
        )),
        // A number that doesn't fit is more than any cluster has.
        nodes => Ok(nodes.map(|nodes| usize::try_from(nodes).unwrap_or(usize::MAX))),
    }
}

fn deadline(merged: &Merged, around: &Surroundings) -> Result<Option<Duration>, Halt> {
    merged
        .values
        .deadline
        .as_deref()
        .map(|text| {
            units::until(text, &around.now).map_err(|why| unreadable(merged, "deadline", &why))
        })
        .transpose()
}

fn count(merged: &Merged) -> Result<CountChoice, Halt> {
    let text = match merged.values.count.as_deref() {
        None | Some("auto") => return Ok(CountChoice::Auto),
        Some(text) => text,
    };
    let number: i64 = text.parse().map_err(|_| {
        unreadable(
            merged,
            "count",
            &format!("`{text}` is neither a number nor `auto`"),
        )
    })?;
    // The library clamps, and logs a warning for a number outside the sensible range.
    Ok(CountChoice::Fixed(Count::new(number)))
}

fn unreadable(merged: &Merged, name: &str, why: &str) -> Halt {
    Halt::usage(format!("read {}: {why}", merged.written(name)))
}

#[cfg(test)]
mod tests;
