//! Where a server is and as whom we come: URLs in, checked parts out. Opens nothing.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::sentinel_url::{self, SentinelUrl};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

const OPERATION: &str = "read the URL";

/// Where a server is, as whom we come, and which database is meant. `Debug` and `Display` show no credentials.
#[derive(Clone)]
pub struct Target {
    pub(super) address: Address,
    pub(super) tls: Option<TlsFiles>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
    /// Further places where a cluster, or the Sentinels, may be asked.
    pub(super) seeds: Vec<Address>,
    /// Who is meant, where the addresses are those of Sentinels.
    pub(super) sentinel: Option<Watched>,
    url_has_password: bool,
}

/// A primary that Sentinels watch.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) name: String,
    /// As whom we come to the Sentinels themselves.
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// PEM files for TLS. Without `ca` the system's roots are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// Certificates to trust.
    pub ca: Option<PathBuf>,
    /// Our own certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// Trusts the certificates in this PEM file, and no others.
    #[must_use]
    pub fn with_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Shows this certificate to the server.
    #[must_use]
    pub fn with_cert(mut self, path: impl Into<PathBuf>) -> Self {
        self.cert = Some(path.into());
        self
    }

    /// The key of the certificate shown.
    #[must_use]
    pub fn with_key(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(path.into());
        self
    }
}

impl Target {
    /// Reads `redis://[user:password@]host[:port][/db]`, `rediss://...` (TLS), `unix:///path[?db=N]`, or
    /// `redis-sentinel://[user:password@]host[:port][,host...]/name[/db]` (`rediss-sentinel` with TLS), where user and
    /// password are those of the data servers.
    ///
    /// # Errors
    /// `InvalidUrl` for anything else; the text never repeats the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(url) = sentinel_url::split(text)? {
            return Self::watched(url);
        }
        let url = Url::parse(text).map_err(|cause| {
            invalid("it is not a URL").with_source(cause).with_hint(
                "write it as redis://host:6379, rediss://host:6379, or unix:///path/to/socket",
            )
        })?;
        let target = match url.scheme() {
            "redis" | "rediss" => Self::tcp(&url)?,
            "unix" | "redis+unix" => Self::unix(&url)?,
            other => {
                return Err(invalid(format!("unknown scheme {other:?}")).with_hint(
                    "known schemes are redis://, rediss://, unix:// and redis-sentinel://",
                ));
            }
        };
        target.with_query(&url)
    }

    /// Each Sentinel's address is read as that of a server: one set of rules for hosts, users and databases.
    fn watched(url: SentinelUrl) -> Result<Self> {
        let mut places = url.as_servers.iter().map(|text| Self::parse(text));
        let mut target = places.next().ok_or_else(|| invalid("it names no host"))??;
        for place in places {
            target.seeds.push(place?.address);
        }
        target.sentinel = Some(Watched {
            name: decoded(&url.name)?,
            user: None,
            password: None,
        });
        Ok(target)
    }

    fn tcp(url: &Url) -> Result<Self> {
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("it names no host"))?;
        let path = url.path().trim_matches('/');
        let database = if path.is_empty() {
            0
        } else {
            parse_database(path)?
        };
        Ok(Self {
            address: Address::Tcp {
                host: host.trim_matches(['[', ']']).to_owned(),
                port: url.port().unwrap_or(limits::DEFAULT_PORT),
            },
            tls: (url.scheme() == "rediss").then(TlsFiles::default),
            user: Some(decoded(url.username())?).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).transpose()?,
            database,
            seeds: Vec::new(),
            sentinel: None,
            url_has_password: url.password().is_some(),
        })
    }

    fn unix(url: &Url) -> Result<Self> {
        if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
            return Err(invalid("a unix URL needs an absolute path")
                .with_hint("three slashes: unix:///run/redis/redis.sock"));
        }
        Ok(Self {
            address: Address::Unix(PathBuf::from(decoded(url.path())?)),
            tls: None,
            user: None,
            password: None,
            database: 0,
            seeds: Vec::new(),
            sentinel: None,
            url_has_password: false,
        })
    }

    fn with_query(mut self, url: &Url) -> Result<Self> {
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "db" => self.database = parse_database(&value)?,
                "user" => self.user = Some(value.into_owned()),
                "password" | "pass" => {
                    self.password = Some(value.into_owned());
                    self.url_has_password = true;
                }
                other => {
                    return Err(invalid(format!("unknown parameter {other:?}"))
                        .with_hint("known parameters are db, user and password"));
                }
            }
        }
        Ok(self)
    }

    /// Comes as this ACL user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Shows this password; it is never printed.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Speaks TLS, with these files.
    #[must_use]
    pub fn with_tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Means this database.
    #[must_use]
    pub fn with_database(mut self, database: u32) -> Self {
        self.database = database;
        self
    }

    /// Asks at these places too where the first does not answer: other nodes of the same cluster, or other Sentinels. Only
    /// their addresses are used; users, passwords, TLS and database are this target's.
    #[must_use]
    pub fn with_seeds(mut self, seeds: impl IntoIterator<Item = Self>) -> Self {
        for seed in seeds {
            self.seeds.push(seed.address);
            self.seeds.extend(seed.seeds);
        }
        self
    }

    /// Comes to the Sentinels themselves as this user, `default` where they know passwords only. Without effect where
    /// the target names none.
    #[must_use]
    pub fn with_sentinel_login(
        mut self,
        user: Option<String>,
        password: impl Into<String>,
    ) -> Self {
        if let Some(watched) = &mut self.sentinel {
            watched.user = user;
            watched.password = Some(password.into());
        }
        self
    }

    /// Whether the addresses are those of Sentinels.
    #[must_use]
    pub fn names_sentinels(&self) -> bool {
        self.sentinel.is_some()
    }

    /// Whether the URL itself held a password, which other users of a machine may see in its process list.
    #[must_use]
    pub fn url_has_password(&self) -> bool {
        self.url_has_password
    }

    /// Whether the server is spoken to over TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The database meant.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(watched) = &self.sentinel {
            write!(f, "{}@", watched.name)?;
        }
        self.address.fmt(f)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, database {})", self.database)
    }
}

pub(super) fn invalid(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidUrl, Retry::Never, OPERATION, context)
}

fn parse_database(text: &str) -> Result<u32> {
    text.parse().map_err(|cause: std::num::ParseIntError| {
        invalid("the database is not a number").with_source(cause)
    })
}

/// Undoes percent-encoding, as passwords with `@` or `/` need it.
fn decoded(text: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)];
        let value = std::str::from_utf8(&digits)
            .ok()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(value.ok_or_else(|| invalid("a % is not followed by two hexadecimal digits"))?);
    }
    String::from_utf8(out).map_err(|_| invalid("a percent-encoded part is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::{Address, Target};
    use crate::error::ErrorKind;

    #[test]
    fn reads_each_form() {
        let target = Target::parse("redis://app:p%40ss@db.example:7000/3").expect("valid");
        assert_eq!(
            target.address,
            Address::Tcp {
                host: "db.example".into(),
                port: 7000
            }
        );
        assert_eq!(
            (target.user.as_deref(), target.password.as_deref()),
            (Some("app"), Some("p@ss"))
        );
        assert_eq!(target.database(), 3);
        assert!(target.url_has_password() && !target.uses_tls());
        let target = Target::parse("unix:///run/redis.sock?db=2").expect("valid");
        assert_eq!(target.address, Address::Unix("/run/redis.sock".into()));
        assert_eq!(target.database(), 2);
        assert!(Target::parse("rediss://[::1]").expect("valid").uses_tls());
        assert_eq!(
            Target::parse("redis://[::1]").expect("valid").to_string(),
            "[::1]:6379"
        );
    }

    #[test]
    fn reads_sentinels() {
        let text = "redis-sentinel://app:p%2Fw@a.example,[::1]:5000,10.0.0.3/my%20name/3";
        let target = Target::parse(text).expect("valid");
        let watched = target.sentinel.as_ref().expect("watched");
        assert_eq!(watched.name, "my name");
        assert_eq!((target.database(), target.uses_tls()), (3, false));
        assert_eq!(target.password.as_deref(), Some("p/w"));
        assert!(target.url_has_password() && target.names_sentinels());
        assert_eq!(target.to_string(), "my name@a.example:26379");
        let seeds: Vec<String> = target.seeds.iter().map(ToString::to_string).collect();
        assert_eq!(seeds, ["[::1]:5000", "10.0.0.3:26379"]);
        let target = Target::parse("rediss-sentinel://h/n?db=2&password=x").expect("valid");
        assert_eq!((target.database(), target.uses_tls()), (2, true));
        let seed = Target::parse("redis://other:7000").expect("valid");
        let target = Target::parse("redis://h")
            .expect("valid")
            .with_seeds([seed]);
        assert_eq!(target.seeds[0].to_string(), "other:7000");
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        for (text, kind) in [
            ("localhost:6379", ErrorKind::InvalidUrl),
            ("http://secret@host", ErrorKind::InvalidUrl),
            ("redis://", ErrorKind::InvalidUrl),
            ("redis://secret@host/x", ErrorKind::InvalidUrl),
            ("redis://:secret%4@host", ErrorKind::InvalidUrl),
            ("redis://secret@host?nope=1", ErrorKind::InvalidUrl),
            ("unix://path", ErrorKind::InvalidUrl),
            ("redis-sentinel://secret@host", ErrorKind::InvalidUrl),
            ("redis-sentinel://secret@host/name/x", ErrorKind::InvalidUrl),
            (
                "redis-sentinel://secret@host,:1/name",
                ErrorKind::InvalidUrl,
            ),
            ("redis-sentinel:///secret", ErrorKind::InvalidUrl),
        ] {
            let error = Target::parse(text).expect_err(text);
            assert_eq!(error.kind(), kind, "{text}");
            assert!(
                !format!("{error:?} {error}").contains("secret"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn shows_no_credentials() {
        let target = Target::parse("redis://app:hunter2@h")
            .expect("valid")
            .with_password("hunter3");
        let shown = format!("{target} {target:?}");
        assert!(
            !shown.contains("hunter") && !shown.contains("app"),
            "{shown}"
        );
    }
}
