//! What was typed means this: flags over environment over file over defaults, checked and given units.
//! Talks to no server and prints nothing; warnings are handed to whoever prints.

mod layers;
mod pressure;
pub(crate) mod secret;
mod select;
mod surroundings;
mod units;

use std::time::Duration;

use keypace::{
    Budget, ConnectOptions, Count, CountChoice, Strategy, Target, Thresholds, TlsFiles, limits,
};

pub(crate) use self::select::sweep_options;
pub(crate) use self::surroundings::Surroundings;

use self::layers::{Layer, Merged, Origin, merge};
use crate::args::{Global, ProgressChoice, Topology};
use crate::exit::{Exit, Halt, Phase};

/// Where a server of one's own is.
const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

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
        check_topology(merged.values.topology)?;
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
            target: target(&merged, around, &mut warnings)?,
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

fn check_topology(topology: Option<Topology>) -> Result<(), Halt> {
    let name = match topology {
        None | Some(Topology::Auto | Topology::Standalone) => return Ok(()),
        Some(Topology::Cluster) => "a cluster",
        Some(Topology::Sentinel) => "servers behind sentinels",
    };
    Err(Halt::new(
        Exit::Connection,
        format!("find the servers: this version doesn't walk {name} yet"),
    )
    .with_hint("it walks single servers: --topology standalone"))
}

fn target(
    merged: &Merged,
    around: &Surroundings,
    warnings: &mut Vec<String>,
) -> Result<Target, Halt> {
    let values = &merged.values;
    let url = values.url.as_deref().unwrap_or(DEFAULT_URL);
    let mut target =
        Target::parse(url).map_err(|error| Halt::library(&error, Phase::Connecting))?;
    let url_has_password = target.url_has_password();
    if url_has_password && merged.origin("url") == Origin::Flag {
        warnings.push(
            "the password in --url can be seen by every user of this machine and stays in the \
             shell's history; KEYPACE_PASSWORD and --password-file don't have that fault"
                .to_owned(),
        );
    }
    if let Some(user) = &values.user {
        // A user inside a URL that outranks the file's `user` is the nearer word.
        let url_names_one = secret::user_info(url)
            .is_some_and(|info| info.split(':').next().is_some_and(|user| !user.is_empty()));
        if !url_names_one || merged.origin("user") >= merged.origin("url") {
            target = target.with_user(user.clone());
        }
    }
    if let Some(password) = secret::password(merged, around, url_has_password)? {
        target = target.with_password(password);
    }
    Ok(match tls_files(values) {
        Some(files) => target.with_tls(files),
        None => target,
    })
}

/// The files, where any is named: the library refuses them for a connection without TLS.
fn tls_files(values: &Layer) -> Option<TlsFiles> {
    if values.tls_ca.is_none() && values.tls_cert.is_none() && values.tls_key.is_none() {
        return None;
    }
    let mut tls = TlsFiles::default();
    if let Some(path) = &values.tls_ca {
        tls = tls.with_ca(path.clone());
    }
    if let Some(path) = &values.tls_cert {
        tls = tls.with_cert(path.clone());
    }
    if let Some(path) = &values.tls_key {
        tls = tls.with_key(path.clone());
    }
    Some(tls)
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
    Ok(options)
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
