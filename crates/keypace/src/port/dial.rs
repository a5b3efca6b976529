//! Opens byte streams to one server: TCP, TLS, unix socket, or what a caller brings. Speaks no RESP.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::target::{Address, Target, TlsFiles};
use crate::error::{Error, ErrorKind, Result, Retry};

/// A byte stream to a server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What [`Dial::dial`] returns.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Opens streams to one server: the place for a tunnel of one's own, and for servers that live in a test's memory.
pub trait Dial: Send + Sync + fmt::Debug {
    /// One new stream. Cancel-safe: dropping the future leaves nothing open.
    fn dial(&self) -> Dialing<'_>;

    /// What people call the server: `127.0.0.1:6379`.
    fn name(&self) -> String;

    /// A way to another server of the same cluster or behind the same Sentinels. Opens nothing. Without one, as here,
    /// clusters and Sentinels are refused: this dialer leads to one server only.
    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        let _ = (host, port);
        None
    }
}

/// Dials what a [`Target`] says.
#[derive(Debug)]
pub(super) struct TargetDialer {
    address: Address,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl TargetDialer {
    /// Reads the certificate files; opens no socket.
    pub(super) fn new(target: &Target) -> Result<Self> {
        let tls = match (&target.tls, &target.address) {
            (None, _) => None,
            (Some(_), Address::Unix(_)) => return Err(tls_error("a unix socket has no TLS")),
            (Some(files), Address::Tcp { host, .. }) => {
                server_name(host).map_err(|cause| {
                    tls_error("the host is no name for a certificate").with_source(cause)
                })?;
                Some(Tls(TlsConnector::from(Arc::new(tls_config(files)?))))
            }
        };
        Ok(Self {
            address: target.address.clone(),
            tls,
        })
    }
}

impl Dial for TargetDialer {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            match &self.address {
                Address::Tcp { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    // A request is one write: waiting to fill a segment only delays it.
                    stream.set_nodelay(true)?;
                    match &self.tls {
                        None => Ok(Box::new(stream) as Box<dyn Stream>),
                        Some(Tls(connector)) => {
                            let stream = connector.connect(server_name(host)?, stream).await?;
                            Ok(Box::new(stream) as Box<dyn Stream>)
                        }
                    }
                }
                Address::Unix(path) => unix(path).await,
            }
        })
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        Some(Arc::new(Self {
            address: Address::Tcp {
                host: host.to_owned(),
                port,
            },
            tls: self.tls.clone(),
        }))
    }
}

/// Whom the certificate has to be made out to.
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_path: &std::path::Path) -> io::Result<Box<dyn Stream>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "unix sockets are not supported here",
    ))
}

fn tls_config(files: &TlsFiles) -> Result<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|cause| tls_error("no TLS version can be offered").with_source(cause))?
    .with_root_certificates(roots(files)?);
    match (&files.cert, &files.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|cause| {
                tls_error(format!("{} holds no usable key", key.display())).with_source(cause)
            })?;
            builder
                .with_client_auth_cert(certificates(cert)?, key)
                .map_err(|cause| {
                    tls_error("the certificate and its key do not fit").with_source(cause)
                })
        }
        _ => Err(tls_error(
            "a client certificate needs both its file and its key",
        )),
    }
}

fn roots(files: &TlsFiles) -> Result<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    let trusted = match &files.ca {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(trusted);
    if added == 0 {
        return Err(tls_error("no certificate authority is known")
            .with_hint("name a PEM file with --tls-ca"));
    }
    Ok(roots)
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|cause| {
            tls_error(format!("{} holds no usable certificate", path.display())).with_source(cause)
        })
}

fn tls_error(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::Tls, Retry::Never, "set up TLS", context)
}
