//! Where a server listens, and a blocking byte stream to it.
//! Must not know RESP: what the bytes mean is the readers' business.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{LabError, LabErrorKind};

/// The address of a server on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A unix socket, by its path.
    Unix(PathBuf),
    /// TCP, by address and port.
    Tcp(SocketAddr),
}

/// Written as a URL: `unix:///path` or `redis://127.0.0.1:6379`.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(address) => write!(formatter, "redis://{address}"),
        }
    }
}

/// Reads what `Display` writes; no host names, users or databases, as owned servers need none.
impl FromStr for Endpoint {
    type Err = LabError;

    fn from_str(url: &str) -> Result<Self, LabError> {
        let refused = || LabError::new(LabErrorKind::Address, format!("read the address {url:?}"));
        if let Some(path) = url.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(refused().with_hint("a socket's path is absolute: unix:///path"))
            };
        }
        let address = url
            .strip_prefix("redis://")
            .ok_or_else(|| refused().with_hint("write unix:///path or redis://127.0.0.1:6379"))?;
        let address = address.strip_suffix('/').unwrap_or(address);
        address
            .parse()
            .map(Self::Tcp)
            .map_err(|error| refused().because(error))
    }
}

/// One connection, of either sort.
#[derive(Debug)]
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// Connects; every later read or write that takes longer than `timeout` is an error.
    pub(crate) fn connect(endpoint: &Endpoint, timeout: Duration) -> io::Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                Ok(Self::Unix(stream))
            }
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, timeout)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                Ok(Self::Tcp(stream))
            }
        }
    }
}

impl Stream {
    /// A second handle on the same connection.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
        }
    }

    /// Reads and writes take as long as they take.
    pub(crate) fn set_patient(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => {
                stream.set_read_timeout(None)?;
                stream.set_write_timeout(None)
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(None)?;
                stream.set_write_timeout(None)
            }
        }
    }

    /// Ends the connection, or one direction of it, for all handles.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(buffer),
            Self::Tcp(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.flush(),
            Self::Tcp(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn urls_are_read_as_they_are_written() {
        for url in [
            "unix:///tmp/a/s",
            "redis://127.0.0.1:6379",
            "redis://[::1]:7000",
        ] {
            let endpoint: Endpoint = url.parse().expect(url);
            assert_eq!(endpoint.to_string(), url);
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in [
            "",
            "unix://relative",
            "redis://localhost",
            "http://127.0.0.1:1",
            "127.0.0.1:6379",
        ] {
            assert!(url.parse::<Endpoint>().is_err(), "{url:?} was accepted");
        }
    }
}
