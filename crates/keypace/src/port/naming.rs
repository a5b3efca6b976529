//! What a cluster's node is called: the place where it can be reached from here, `host:port`. Pure.
//!
//! Nodes announce an ip and perhaps a hostname; behind NAT or a tunnel a map of the caller's says where that is.

use std::collections::HashMap;
use std::sync::Arc;

use super::nodes_table::Entry;

/// From what is announced to where it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Naming {
    pub(super) map: Arc<HashMap<String, String>>,
    /// Hostnames before ips: certificates are made out to names.
    pub(super) by_hostname: bool,
}

impl Naming {
    /// Where the node is; `None` where it announces nothing that leads anywhere.
    pub(super) fn place(&self, entry: &Entry) -> Option<String> {
        if entry.port == 0 {
            return None;
        }
        let ip = Some(entry.ip.as_str()).filter(|ip| !ip.is_empty());
        let hostname = entry.hostname.as_deref();
        let names = if self.by_hostname {
            [hostname, ip]
        } else {
            [ip, hostname]
        };
        let mut places = (names.into_iter().flatten()).map(|host| joined(host, entry.port));
        let first = places.next()?;
        let mapped = (self.map.get(&first)).or_else(|| self.map.get(&places.next()?));
        Some(mapped.cloned().unwrap_or(first))
    }
}

/// `host:port`, an ip of version 6 in brackets.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The parts of `host:port`.
pub(super) fn split(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!bare.is_empty()).then_some((bare, port))
}

#[cfg(test)]
mod tests {
    use super::{Naming, joined, split};
    use crate::port::nodes_table::Entry;
    use std::collections::HashMap;
    use std::sync::Arc;

    fn entry(ip: &str, hostname: Option<&str>) -> Entry {
        Entry {
            ip: ip.to_owned(),
            port: 7000,
            hostname: hostname.map(str::to_owned),
            ..Entry::default()
        }
    }

    #[test]
    fn tls_goes_by_hostname_and_the_map_comes_last() {
        let both = entry("10.0.0.1", Some("a.example"));
        let mut naming = Naming::default();
        assert_eq!(naming.place(&both).as_deref(), Some("10.0.0.1:7000"));
        naming.by_hostname = true;
        assert_eq!(naming.place(&both).as_deref(), Some("a.example:7000"));
        assert_eq!(
            naming.place(&entry("::1", None)).as_deref(),
            Some("[::1]:7000")
        );
        assert_eq!(naming.place(&entry("", None)), None);
        let map = [("10.0.0.1:7000".to_owned(), "127.0.0.1:17000".to_owned())];
        naming.map = Arc::new(HashMap::from(map));
        for by_hostname in [true, false] {
            naming.by_hostname = by_hostname;
            assert_eq!(naming.place(&both).as_deref(), Some("127.0.0.1:17000"));
        }
        let other = entry("10.0.0.2", None);
        assert_eq!(naming.place(&other).as_deref(), Some("10.0.0.2:7000"));
        assert_eq!(naming.place(&Entry { port: 0, ..other }), None);
    }

    #[test]
    fn places_are_split_as_they_were_joined() {
        for (host, port) in [("127.0.0.1", 1), ("::1", 7000), ("a.example", 65535)] {
            assert_eq!(split(&joined(host, port)), Some((host, port)));
        }
        for bad in [
            "",
            "host",
            "host:",
            "host:0",
            "host:65536",
            ":7000",
            "::1:7000",
            "[]:1",
        ] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
