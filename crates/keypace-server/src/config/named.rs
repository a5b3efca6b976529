//! What the tables with names mean: servers, caches, keys, indexes. Every text names the table and the field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keypace::{Namespace, OldLayout, Pattern, Target};
use url::Url;

use crate::access::Scope;
use crate::config::problem::ConfigError;
use crate::config::reader::Read;
use crate::config::tables::{self, IndexTable, ServerTable};
use crate::config::{ConfigKey, DEFAULT_SERVER, DatabaseUrl, IndexPlace, KeyOwner, ServerPlace};
use crate::http::CacheGroup;
use crate::limits;
use crate::units;

/// The character that parts a key's name; scopes are told by it.
const SEPARATOR: u8 = b':';
/// Hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// The names that other tables may mean.
pub(super) struct Names(Vec<String>);

impl Names {
    /// Of these servers.
    pub(super) fn of(servers: &BTreeMap<String, ServerPlace>) -> Self {
        Self(servers.keys().cloned().collect())
    }

    /// The server that a table means: the one it names, or the only one there is.
    pub(super) fn server(&self, table: &str, named: Option<String>) -> Read<String> {
        let known = self.0.join(", ");
        match (named, self.0.as_slice()) {
            // The command line's server takes the place of tables.
            (Some(name), []) if name == DEFAULT_SERVER => Ok(name),
            (None, []) => Ok(DEFAULT_SERVER.to_owned()),
            (Some(name), _) if self.0.contains(&name) => Ok(name),
            (Some(name), _) => {
                Err(
                    ConfigError::at(table, "server", format!("there is no server `{name}`"))
                        .with_hint(if known.is_empty() {
                            "add a table [servers.NAME] with its url".to_owned()
                        } else {
                            format!("known servers: {known}")
                        }),
                )
            }
            (None, [one]) => Ok(one.clone()),
            (None, _) => Err(ConfigError::at(
                table,
                "server",
                "there are several servers, and this one has to say which",
            )
            .with_hint(format!("known servers: {known}"))),
        }
    }
}

/// A PostgreSQL URL; the text does not repeat it, as it may hold a password.
pub(super) fn postgres(
    table: &str,
    field: &str,
    url: &str,
    password_file: Option<PathBuf>,
) -> Read<DatabaseUrl> {
    let is_postgres =
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    if !is_postgres {
        return Err(
            ConfigError::at(table, field, "it is no URL of a PostgreSQL database")
                .with_hint("write it like postgres://user@host:5432/database, or \"sqlite\""),
        );
    }
    Ok(DatabaseUrl {
        url: url.to_owned(),
        password_file,
    })
}

/// Names stand in URLs, in logs and in files.
fn check_name(kind: &str, name: &str) -> Read<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > limits::MAX_NAME_BYTES || !name.chars().all(is_plain) {
        return Err(ConfigError::at(
            &format!("[{kind}.{name}]"),
            "",
            format!(
                "a name is 1 to {} letters, digits, `-`, `_` and `.`",
                limits::MAX_NAME_BYTES
            ),
        ));
    }
    Ok(())
}

pub(super) fn servers(
    tables: BTreeMap<String, ServerTable>,
) -> Read<BTreeMap<String, ServerPlace>> {
    let mut places = BTreeMap::new();
    for (name, table) in tables {
        check_name("servers", &name)?;
        let at = format!("[servers.{name}]");
        let wrong = |field: &str, error: &keypace::Error| {
            let wrong = ConfigError::at(&at, field, format!("failed to {error}"));
            match error.hint() {
                Some(hint) => wrong.with_hint(hint),
                None => wrong,
            }
        };
        let urls = table.url.all();
        if urls.is_empty() {
            return Err(ConfigError::at(&at, "url", "there is none in the list"));
        }
        for url in urls {
            Target::parse(url).map_err(|error| wrong("url", &error))?;
        }
        if let Some(text) = &table.timeout {
            units::duration(text).map_err(|why| ConfigError::at(&at, "timeout", why))?;
        }
        places.insert(name, ServerPlace::Table(Box::new(table)));
    }
    Ok(places)
}

pub(super) fn caches(
    tables: BTreeMap<String, tables::Cache>,
    names: &Names,
) -> Read<BTreeMap<String, CacheGroup>> {
    let mut groups = BTreeMap::new();
    for (name, table) in tables {
        check_name("caches", &name)?;
        let at = format!("[caches.{name}]");
        if table.patterns.is_empty() {
            return Err(ConfigError::at(&at, "patterns", "there is none"));
        }
        for (label, text) in &table.patterns {
            let field = format!("patterns.{label}");
            check_name(&format!("caches.{name}.patterns"), label)?;
            check_cleared(&at, &field, text)?;
        }
        let group = CacheGroup {
            server: names.server(&at, table.server)?,
            patterns: table.patterns,
        };
        groups.insert(name, group);
    }
    Ok(groups)
}

/// A pattern that one request may clear: it names something, and can't hold a server up.
fn check_cleared(table: &str, field: &str, text: &str) -> Read<()> {
    let pattern = Pattern::new(text.to_owned()).map_err(|error| {
        ConfigError::at(table, field, error.to_string()).with_hint(error.hint())
    })?;
    if pattern.scope(SEPARATOR) == keypace::Scope::CatchAll {
        return Err(ConfigError::at(
            table,
            field,
            format!("`{text}` matches everything, and one request would clear the whole database"),
        )
        .with_hint("name what the cache's keys begin with, as in image_proxy:*"));
    }
    Ok(())
}

pub(super) fn keys(tables: BTreeMap<String, tables::Key>) -> Read<BTreeMap<String, ConfigKey>> {
    let mut keys = BTreeMap::new();
    for (name, table) in tables {
        check_name("keys", &name)?;
        let at = format!("[keys.{name}]");
        let sha256 = table.sha256.to_ascii_lowercase();
        if sha256.len() != HASH_DIGITS || !sha256.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(ConfigError::at(
                &at,
                "sha256",
                format!("it is not {HASH_DIGITS} hexadecimal digits"),
            )
            .with_hint(
                "it is the SHA-256 of the key, never the key itself: printf %s KEY | sha256sum",
            ));
        }
        let scope: Scope = table
            .scope
            .parse()
            .map_err(|why| ConfigError::at(&at, "scope", format!("`{}`: {why}", table.scope)))?;
        let owner = match (table.owner, table.owner_file) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::at(
                    &at,
                    "owner",
                    "owner and owner_file exclude one another",
                ));
            }
            (Some(owner), None) => Some(KeyOwner::Text(owner)),
            (None, path) => path.map(KeyOwner::File),
        };
        if scope == Scope::Owner && owner.is_none() {
            return Err(ConfigError::at(
                &at,
                "owner",
                "a key of the scope owner stands for somebody, and this one says for nobody",
            )
            .with_hint("add owner, or owner_file with a file that holds it"));
        }
        keys.insert(
            name,
            ConfigKey {
                sha256,
                scope,
                owner,
            },
        );
    }
    Ok(keys)
}

pub(super) fn check_namespace(table: &str, name: &str) -> Read<Namespace> {
    Namespace::new(name)
        .map_err(|error| ConfigError::at(table, "namespace", format!("failed to {error}")))
}

pub(super) fn indexes(
    tables: BTreeMap<String, IndexTable>,
    names: &Names,
) -> Read<BTreeMap<String, IndexPlace>> {
    let mut indexes = BTreeMap::new();
    for (name, table) in tables {
        check_name("indexes", &name)?;
        let at = format!("[indexes.{name}]");
        let namespace = check_namespace(&at, &table.namespace)?;
        let old = old_layout(&namespace, &table)
            .map_err(|(field, error)| ConfigError::at(&at, field, format!("failed to {error}")))?;
        indexes.insert(
            name,
            IndexPlace {
                server: names.server(&at, table.server)?,
                namespace,
                owner_keys: table.owner_keys,
                old,
            },
        );
    }
    Ok(indexes)
}

/// Where the application's own records lie, where anything is said of that; the field that is wrong comes with the failure.
fn old_layout(
    namespace: &Namespace,
    table: &IndexTable,
) -> Result<Option<OldLayout>, (&'static str, keypace::Error)> {
    let IndexTable {
        old_prefix,
        owner_field,
        created_field,
        updated_field,
        ..
    } = table;
    let all = [old_prefix, owner_field, created_field, updated_field];
    if all.iter().all(|field| field.is_none()) {
        return Ok(None);
    }
    let mut old = OldLayout::of(namespace);
    if let Some(prefix) = old_prefix {
        old = old
            .with_prefix(prefix.clone())
            .map_err(|error| ("old_prefix", error))?;
    }
    if let Some(field) = owner_field {
        old = old
            .with_owner_field(field)
            .map_err(|error| ("owner_field", error))?;
    }
    if let Some(field) = created_field {
        old = old
            .with_created_field(field)
            .map_err(|error| ("created_field", error))?;
    }
    if let Some(field) = updated_field {
        old = old
            .with_updated_field(field)
            .map_err(|error| ("updated_field", error))?;
    }
    Ok(Some(old))
}
