//! What `[sessions]` means: which fields go with which source. Opens nothing.

use crate::config::named::{Names, check_namespace, postgres};
use crate::config::problem::ConfigError;
use crate::config::reader::Read;
use crate::config::tables::{Sessions, Source};
use crate::config::{SessionSource, SessionsPlace};
use crate::units;

pub(super) fn read(table: Sessions, names: &Names) -> Read<SessionsPlace> {
    let at = "[sessions]";
    let only = |field: &str, is_there: bool, source: Source, wanted: Source| {
        if is_there && source != wanted {
            let text = format!("it is for source = \"{}\" only", wanted.as_str());
            return Err(ConfigError::at(at, field, text));
        }
        Ok(())
    };
    only("path", table.path.is_some(), table.source, Source::Sqlite)?;
    only("url", table.url.is_some(), table.source, Source::Postgres)?;
    only(
        "password_file",
        table.password_file.is_some(),
        table.source,
        Source::Postgres,
    )?;
    only("ttl", table.ttl.is_some(), table.source, Source::Redis)?;
    let missing = |field: &str| ConfigError::at(at, field, "it has to be said");
    let source = match table.source {
        Source::Sqlite => SessionSource::Sqlite(table.path.ok_or_else(|| missing("path"))?),
        Source::Postgres => {
            let url = table.url.ok_or_else(|| missing("url"))?;
            SessionSource::Postgres(postgres(at, "url", &url, table.password_file)?)
        }
        Source::Redis => SessionSource::Redis,
    };
    let server = match (table.server, table.source) {
        (None, Source::Sqlite | Source::Postgres) => None,
        (named, _) => Some(names.server(at, named)?),
    };
    let namespace = table.namespace.unwrap_or_else(|| "session".to_owned());
    check_namespace(at, &namespace)?;
    let ttl = table
        .ttl
        .map(|text| units::duration(&text).map_err(|why| ConfigError::at(at, "ttl", why)))
        .transpose()?;
    Ok(SessionsPlace {
        source,
        server,
        namespace,
        owner_keys: table.owner_keys,
        stale_reads: table.stale_reads.unwrap_or(false),
        ttl,
    })
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}
