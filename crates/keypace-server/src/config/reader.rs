//! What a config's text means as a whole, and the tables that stand in it once: bounds and units. Every text names the table
//! and the field.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use crate::config::named::{self, Names, postgres};
use crate::config::problem::ConfigError;
use crate::config::sessions;
use crate::config::tables::{self, File};
use crate::config::{Config, DEFAULT_LISTEN, JobBounds, RequestBounds, StorePlace, TlsPaths};
use crate::limits;
use crate::units;

pub(super) type Read<T> = Result<T, ConfigError>;

pub(super) fn read(text: &str) -> Read<Config> {
    let file = parse(text)?;
    let servers = named::servers(file.servers)?;
    let names = Names::of(&servers);
    let config = Config {
        listen: listen(file.listen.as_deref())?,
        public_host: file.public_url.as_deref().map(public_host).transpose()?,
        data_dir: file.data_dir,
        tls: file.tls.map(|tls| TlsPaths {
            cert: tls.cert,
            key: tls.key,
        }),
        store: store(file.store)?,
        jobs: jobs(&file.jobs)?,
        requests: requests(&file.limits)?,
        caches: named::caches(file.caches, &names)?,
        keys: named::keys(file.keys)?,
        collector: file
            .otel
            .map(|table| collector(&table.endpoint))
            .transpose()?,
        sessions: file
            .sessions
            .map(|table| sessions::read(table, &names))
            .transpose()?,
        indexes: named::indexes(file.indexes, &names)?,
        servers,
    };
    Ok(config)
}

/// Where spans go. There is no TLS on the way.
fn collector(text: &str) -> Read<String> {
    let is_one = Url::parse(text).is_ok_and(|url| {
        let is_plain = url.username().is_empty() && url.query().is_none();
        url.scheme() == "http" && url.has_host() && is_plain
    });
    if is_one {
        return Ok(text.to_owned());
    }
    Err(ConfigError::at(
        "[otel]",
        "endpoint",
        format!("`{text}` is no place of a collector"),
    )
    .with_hint("write it like http://127.0.0.1:4318, where a collector takes OTLP over HTTP"))
}

/// The text as tables. What TOML itself refuses comes with its line.
fn parse(text: &str) -> Read<File> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}"));
        ConfigError::at("", &place, error.message())
    })?;
    serde_path_to_error::deserialize(table).map_err(|error| {
        let (table, field) = place_of(&error.path().to_string());
        let text = error.into_inner().message().to_owned();
        let hint = hint_of(&text);
        let wrong = ConfigError::at(&table, &field, text);
        match hint {
            Some(hint) => wrong.with_hint(hint),
            None => wrong,
        }
    })
}

/// `servers.prod.url` as `[servers.prod]` and `url`; what stands at the top is in no table.
fn place_of(path: &str) -> (String, String) {
    let parts: Vec<&str> = path.split('.').filter(|part| *part != "?").collect();
    let is_named = |first: &str| ["servers", "caches", "keys", "indexes"].contains(&first);
    match parts.as_slice() {
        [] | [""] => (String::new(), String::new()),
        [first, name, rest @ ..] if is_named(first) => {
            (format!("[{first}.{name}]"), rest.join("."))
        }
        [first, rest @ ..] => match *first {
            "tls" | "store" | "jobs" | "limits" | "otel" | "sessions" => {
                (format!("[{first}]"), rest.join("."))
            }
            first if is_named(first) => (format!("[{first}]"), String::new()),
            _ => (String::new(), parts.join(".")),
        },
    }
}

/// Names that people look for in another place.
fn hint_of(text: &str) -> Option<&'static str> {
    let names = |name: &str| text.contains(&format!("unknown field `{name}`"));
    if names("password") {
        return Some("name a file in password_file");
    }
    if names("url") || names("budget") {
        return Some(
            "a server is a table of its own: [servers.default] with url = \"redis://...\"",
        );
    }
    None
}

fn listen(text: Option<&str>) -> Read<SocketAddr> {
    let Some(text) = text else {
        return Ok(DEFAULT_LISTEN);
    };
    text.parse().map_err(|_| {
        ConfigError::at("", "listen", format!("`{text}` is no address and port"))
            .with_hint("write it like 127.0.0.1:8420 or [::1]:8420")
    })
}

/// The host of a URL, with its port where that is not the scheme's own: as browsers write Host and Origin.
fn public_host(text: &str) -> Read<String> {
    let wrong = || {
        ConfigError::at(
            "",
            "public_url",
            format!("`{text}` is no place of a service"),
        )
        .with_hint("write it like https://keypace.example.com, without a path, a user or a query")
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match (url.host_str(), is_plain) {
        (Some(host), true) => Ok(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }),
        _ => Err(wrong()),
    }
}

fn store(table: tables::Store) -> Read<StorePlace> {
    match table.url.as_deref() {
        None | Some("sqlite") if table.password_file.is_none() => Ok(StorePlace::Sqlite),
        None | Some("sqlite") => Err(ConfigError::at(
            "[store]",
            "password_file",
            "a file of SQLite has no password",
        )
        .with_hint("leave it out, or name a PostgreSQL database in url")),
        Some(url) => {
            let url = postgres("[store]", "url", url, table.password_file)?;
            Ok(StorePlace::Postgres(url))
        }
    }
}

fn jobs(table: &tables::Jobs) -> Read<JobBounds> {
    let usual = JobBounds::default();
    let bounded = |field: &str, value: Option<u32>, usual: u32, most: u32| match value {
        None => Ok(usual),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(ConfigError::at(
            "[jobs]",
            field,
            format!("{value} is outside 1 to {most}"),
        )),
    };
    Ok(JobBounds {
        running: bounded(
            "running",
            table.running,
            usual.running,
            limits::MAX_JOBS_RUNNING,
        )?,
        waiting: bounded(
            "waiting",
            table.waiting,
            usual.waiting,
            limits::MAX_JOBS_WAITING,
        )?,
        history: bounded(
            "history",
            table.history,
            usual.history,
            limits::MAX_JOBS_HISTORY,
        )?,
        backup_days: bounded(
            "backup_days",
            table.backup_days,
            usual.backup_days,
            limits::MAX_BACKUP_DAYS,
        )?,
        backup_bytes: match &table.backup_bytes {
            None => usual.backup_bytes,
            Some(text) => {
                units::bytes(text).map_err(|why| ConfigError::at("[jobs]", "backup_bytes", why))?
            }
        },
    })
}

fn requests(table: &tables::Limits) -> Read<RequestBounds> {
    let at = |field: &str, text: String| ConfigError::at("[limits]", field, text);
    let mut bounds = RequestBounds::default();
    for (field, value, bound) in [
        (
            "requests_per_second",
            table.requests_per_second,
            &mut bounds.per_second,
        ),
        ("burst", table.burst, &mut bounds.burst),
    ] {
        if let Some(value) = value {
            *bound = NonZeroU32::new(value)
                .ok_or_else(|| at(field, "0 would answer nobody".to_owned()))?;
        }
    }
    if let Some(text) = &table.body {
        let bytes = units::bytes(text).map_err(|why| at("body", why))?;
        let most = limits::MAX_BODY_BYTES;
        bounds.body_bytes = usize::try_from(bytes)
            .ok()
            .filter(|bytes| (1..=most).contains(bytes))
            .ok_or_else(|| at("body", format!("{text} is outside 1B to {most}B")))?;
    }
    if let Some(text) = &table.request_time {
        let time = units::duration(text).map_err(|why| at("request_time", why))?;
        let most = limits::MAX_REQUEST_TIME;
        if time < Duration::from_secs(1) || time > most {
            let text = format!("{text} is outside 1s to {}s", most.as_secs());
            return Err(at("request_time", text));
        }
        bounds.time = time;
    }
    Ok(bounds)
}
