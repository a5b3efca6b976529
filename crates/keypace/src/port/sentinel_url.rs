//! Takes a Sentinel URL apart: it may name several hosts, which no URL of the standard does. Checks no host.

use super::target::invalid;
use crate::error::Result;
use crate::limits;

/// The parts: a server's URL for each Sentinel, with credentials and database, and the primary's name as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SentinelUrl {
    pub(super) as_servers: Vec<String>,
    pub(super) name: String,
}

/// `None` where the URL is of another scheme.
pub(super) fn split(text: &str) -> Result<Option<SentinelUrl>> {
    let (scheme, rest) = if let Some(rest) = text.strip_prefix("redis-sentinel://") {
        ("redis", rest)
    } else if let Some(rest) = text.strip_prefix("rediss-sentinel://") {
        ("rediss", rest)
    } else {
        return Ok(None);
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    if name.is_empty() {
        return Err(invalid("it does not say which primary is meant")
            .with_hint("write it as redis-sentinel://host:26379/NAME, with the name that the Sentinels know it by"));
    }
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    let as_servers = (hosts.split(',')).map(|host| {
        if host.is_empty() || host.starts_with(':') {
            return Err(invalid("a Sentinel's host is empty"));
        }
        let port = if has_port(host) {
            String::new()
        } else {
            format!(":{}", limits::DEFAULT_SENTINEL_PORT)
        };
        Ok(format!("{scheme}://{login}{host}{port}/{database}?{query}"))
    });
    Ok(Some(SentinelUrl {
        as_servers: as_servers.collect::<Result<_>>()?,
        name: name.to_owned(),
    }))
}

/// An IPv6 address has colons of its own, and stands in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|end| end.contains(':'))
}
