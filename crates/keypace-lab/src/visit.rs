//! Where a server is and as whom we come: for the probe and the raw loops where the server is not one of ours.
//! Opens nothing, and never shows a password.

use std::fmt;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;

/// An address with what is said there first: user, password, database. `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Visit {
    endpoint: Endpoint,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

impl From<&Endpoint> for Visit {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.clone(),
            user: None,
            password: None,
            database: 0,
        }
    }
}

impl Visit {
    /// Reads `redis://[user[:password]@]host[:port][/db]` or `unix:///path[?db=N]`, and looks the host up.
    ///
    /// # Errors
    /// `Address` for anything else, for TLS, and for a host that has no address. The text never repeats the URL,
    /// which may hold a password.
    pub fn parse(url: &str) -> Result<Self, LabError> {
        if let Some(rest) = url.strip_prefix("unix://") {
            return Self::unix(rest);
        }
        let Some(rest) = url.strip_prefix("redis://") else {
            return Err(refused("its scheme is neither redis:// nor unix://")
                .with_hint("raw sockets speak no TLS: rediss:// is not for them"));
        };
        if rest.contains(['?', '#']) {
            return Err(refused("it has parameters")
                .with_hint("write redis://[user[:password]@]host[:port][/db]"));
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let mut visit = Self::from(&Endpoint::Tcp(look_up(host)?));
        if !database.is_empty() {
            visit.database = number(database)?;
        }
        if let Some(credentials) = credentials {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (credentials, None),
            };
            visit.user = Some(decoded(user)?).filter(|user| !user.is_empty());
            visit.password = password.map(decoded).transpose()?;
        }
        Ok(visit)
    }

    fn unix(rest: &str) -> Result<Self, LabError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') {
            return Err(refused("a socket's path is absolute").with_hint("write unix:///path"));
        }
        let mut visit = Self::from(&Endpoint::Unix(PathBuf::from(decoded(path)?)));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("db", database)) => visit.database = number(database)?,
                Some(("user", user)) => visit.user = Some(decoded(user)?),
                Some(("password", password)) => visit.password = Some(decoded(password)?),
                Some(_) | None => {
                    return Err(refused("it has an unknown parameter")
                        .with_hint("known parameters are db, user and password"));
                }
            }
        }
        Ok(visit)
    }

    /// Comes as this user.
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

    /// Where it goes.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// As whom, where somebody is named.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, for whoever opens another connection as the same user.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The database that is meant.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }
}

impl fmt::Display for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.endpoint)?;
        match (&self.endpoint, self.database) {
            (_, 0) => Ok(()),
            (Endpoint::Tcp(_), database) => write!(formatter, "/{database}"),
            (Endpoint::Unix(_), database) => write!(formatter, "?db={database}"),
        }
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Visit({self})")
    }
}

fn look_up(host: &str) -> Result<std::net::SocketAddr, LabError> {
    if host.is_empty() {
        return Err(refused("it names no host"));
    }
    let has_port = host.rsplit_once(':').is_some_and(|(name, port)| {
        !port.is_empty() && (!name.contains(':') || name.ends_with(']'))
    });
    let found = if has_port {
        host.to_socket_addrs()
    } else {
        (host.trim_matches(['[', ']']), limits::DEFAULT_PORT).to_socket_addrs()
    };
    let mut addresses = found.map_err(|error| refused("its host has no address").because(error))?;
    addresses
        .next()
        .ok_or_else(|| refused("its host has no address"))
}

fn number(text: &str) -> Result<u32, LabError> {
    text.trim_end_matches('/')
        .parse()
        .map_err(|_| refused("its database is not a number"))
}

/// Text with `%41` read as `A`.
fn decoded(text: &str) -> Result<String, LabError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.ok_or_else(|| refused("a % is not followed by two hex digits"))?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| refused("a part of it is not UTF-8"))
}

fn refused(why: &str) -> LabError {
    LabError::new(LabErrorKind::Address, "read the address of a server").because(why)
}

#[cfg(test)]
mod tests {
    use super::Visit;

    #[test]
    fn parts_of_a_url_are_read() {
        let visit = Visit::parse("redis://amy:s%40crt@127.0.0.1:7000/3").expect("an address");
        assert_eq!(visit.to_string(), "redis://127.0.0.1:7000/3");
        assert_eq!(
            (visit.user(), visit.password(), visit.database()),
            (Some("amy"), Some("s@crt"), 3)
        );
        assert_eq!(format!("{visit:?}"), "Visit(redis://127.0.0.1:7000/3)");
        for (url, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("redis://[::1]", "redis://[::1]:6379"),
            ("redis://[::1]:7000/", "redis://[::1]:7000"),
            ("unix:///tmp/a%20b/s?db=2", "unix:///tmp/a b/s?db=2"),
            ("redis://:only@127.0.0.1:1", "redis://127.0.0.1:1"),
        ] {
            assert_eq!(Visit::parse(url).expect(url).to_string(), shown);
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for url in [
            "",
            "hunter2",
            "rediss://amy:hunter2@127.0.0.1",
            "redis://",
            "redis://amy:hunter2@",
            "redis://127.0.0.1/hunter2",
            "redis://127.0.0.1:1?password=hunter2",
            "redis://a%zz@127.0.0.1:1",
            "unix://relative",
            "unix:///s?pass=hunter2",
        ] {
            let error = Visit::parse(url).expect_err(url);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
