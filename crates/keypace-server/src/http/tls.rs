//! TLS by file: a chain and its key as rustls wants them, with ring as everywhere else. Listens on nothing.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate or a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read, or holds nothing of the kind.
    #[error("{what} in {path} can't be read")]
    File {
        /// Certificates, or a key.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The two don't belong together, or are of a kind that is not supported.
    #[error("the certificate and the key can't be used")]
    Pair(#[source] rustls::Error),
}

impl TlsError {
    /// What is behind it, for whoever has told it.
    pub(crate) fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::File { source, .. } => Box::new(source),
            Self::Pair(source) => Box::new(source),
        }
    }
}

/// The TLS side of a listener. HTTP/2 is offered where a client asks for it.
pub(crate) fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |what: &'static str, path: &Path, source| TlsError::File {
        what,
        path: path.display().to_string(),
        source,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|source| failed("certificates", cert, source))?;
    if chain.is_empty() {
        let source = rustls::pki_types::pem::Error::NoItemsFound;
        return Err(failed("certificates", cert, source));
    }
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|source| failed("a private key", key, source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
