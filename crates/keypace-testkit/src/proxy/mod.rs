//! Owns a TCP proxy that harms the replies of a real server on a script. It must not understand what it carries.

mod relay;
mod rule;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use rule::Fault;
pub use rule::FaultRule;

use crate::limits::MAX_CONNECTIONS;
use rule::FaultBook;

/// The server behind a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By TCP.
    Tcp(SocketAddr),
    /// By unix socket.
    Unix(PathBuf),
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

impl From<&Path> for Target {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}

impl From<PathBuf> for Target {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

/// Connections that are turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusing {
    Next(u64),
    All,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    book: Mutex<FaultBook>,
    door: Mutex<Door>,
    /// Goes up by one for each `cut_all`.
    cuts: watch::Sender<u64>,
}

#[derive(Debug)]
struct Door {
    refusing: Refusing,
    accepted: u64,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, FaultBook> {
        self.book.lock().expect("nothing panics under this lock")
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().expect("nothing panics under this lock")
    }
}

/// A proxy on 127.0.0.1 in front of a server. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port; the server is dialled anew for each connection.
    ///
    /// Cancel-safe: a proxy that was not given back is closed.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub async fn start(target: impl Into<Target>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.into(),
            book: Mutex::default(),
            door: Mutex::new(Door {
                refusing: Refusing::Next(0),
                accepted: 0,
            }),
            cuts: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(Arc::clone(&shared), listener));
        Ok(Self { addr, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds a rule. Where several are due at the same byte, the first scripted comes first.
    ///
    /// # Panics
    /// Above `MAX_RULES`.
    pub fn script(&self, rule: FaultRule) {
        self.shared.book().add(rule);
    }

    /// Forgets all rules; a connection that is stalled or delayed already stays so.
    pub fn clear_rules(&self) {
        self.shared.book().clear();
    }

    /// Turns the next n connections away with a reset, before the server hears of them.
    pub fn refuse(&self, connections: u64) {
        self.shared.door().refusing = Refusing::Next(connections);
    }

    /// Turns every connection away with a reset, until `accept_again`.
    pub fn refuse_all(&self) {
        self.shared.door().refusing = Refusing::All;
    }

    /// Lets connections in again.
    pub fn accept_again(&self) {
        self.shared.door().refusing = Refusing::Next(0);
    }

    /// Connections taken since the start, those turned away too. The last one has this number for `on_connection`.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.door().accepted
    }

    /// Connections open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.book().open_connections()
    }

    /// Closes every open connection with a reset; new ones are let in.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    if let Some(number) = admit(&shared, connections.len()) {
                        shared.book().open(number);
                        let cuts = shared.cuts.subscribe();
                        connections.spawn(relay::carry(Arc::clone(&shared), number, cuts, client));
                    } else {
                        reset(client);
                    }
                }
                // The client left between its SYN and here: its loss.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Counts a connection; its number, where it may come in.
fn admit(shared: &Shared, open: usize) -> Option<u64> {
    let mut door = shared.door();
    door.accepted += 1;
    let turned_away = match &mut door.refusing {
        Refusing::All => true,
        Refusing::Next(0) => open >= MAX_CONNECTIONS,
        Refusing::Next(left) => {
            *left -= 1;
            true
        }
    };
    (!turned_away).then_some(door.accepted)
}

/// Closes so that the peer gets a reset. Where the system refuses the option, the peer sees an orderly end instead.
fn reset(client: TcpStream) {
    let _orderly = client.set_zero_linger();
    drop(client);
}
