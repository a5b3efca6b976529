//! A service in this process, on a port that the system chose, and requests to it over plain sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use keypace_server::app::App;
use keypace_server::config::Config;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A config with a data folder of its own, and nobody behind it.
pub(crate) struct Own(pub(crate) Config, TempDir);

impl std::ops::Deref for Own {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0
    }
}

impl std::ops::DerefMut for Own {
    fn deref_mut(&mut self) -> &mut Config {
        &mut self.0
    }
}

pub(crate) fn config() -> Own {
    let folder = TempDir::new().expect("a folder");
    let mut config =
        Config::parse("listen = \"127.0.0.1:0\"\n[servers.a]\nurl = \"unix:///nonexistent.sock\"")
            .unwrap_or_else(|error| panic!("{error}"));
    config.data_dir = Some(folder.path().join("data"));
    Own(config, folder)
}

/// A service that runs in a thread of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    _folder: TempDir,
}

impl Running {
    pub(crate) fn start(config: Own) -> Self {
        let Own(config, folder) = config;
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let app = App::build(config)
                    .await
                    .unwrap_or_else(|error| panic!("{error:?}"));
                tell.send(app.address()).expect("somebody waits");
                let shutdown = async {
                    // Told, or dropped by a test that failed: either way it ends.
                    let _ = stopped.await;
                };
                app.run(shutdown).await.expect("served");
            });
        });
        Self {
            address: told.recv().expect("it listens"),
            stop,
            thread,
            _folder: folder,
        }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.thread.join().expect("it ended well");
    }
}

/// The whole reply to these bytes. Where the service hangs up while it is still sent to, what it said is read all the same.
pub(crate) fn raw(running: &Running, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.address).expect("somebody listens");
    let _ = stream.write_all(request);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

/// The same over TLS, trusting this certificate.
pub(crate) fn over_tls(
    running: &Running,
    trusted: &CertificateDer<'static>,
    request: &[u8],
) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut socket = TcpStream::connect(running.address).expect("somebody listens");
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    stream.write_all(request).expect("sent");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

/// The status of a reply.
pub(crate) fn status(reply: &str) -> u16 {
    let code = reply.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no reply: {reply:?}"))
}

/// A header of a reply.
pub(crate) fn header<'a>(reply: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = reply.split_once("\r\n\r\n")?;
    head.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
