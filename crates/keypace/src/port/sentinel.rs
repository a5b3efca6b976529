//! Dials the primary that Sentinels name: asked anew for each connection, so that work goes on where a failover has led.
//! Whether it is a primary is asked of the server itself, in the handshake: a Sentinel may be behind.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::timeout;

use super::connection::{Class, Timeouts};
use super::dial::{Dial, Dialing, Stream};
use super::handshake::{Login, timeouts};
use super::naming::{joined, split};
use super::options::ConnectOptions;
use super::resp::Reply;
use super::target::{Address, Target, Watched};
use super::topology;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

const OPERATION: &str = "find the primary";
const COMMAND: &str = "SENTINEL GET-MASTER-ADDR-BY-NAME";

/// The way to whoever is the primary at the moment.
pub(super) struct SentinelDialer {
    name: String,
    /// The primary's name and the first Sentinel's address: what people call it, whoever it is.
    label: String,
    sentinels: Vec<(Arc<str>, Arc<dyn Dial>)>,
    /// Leads to data servers.
    way: Arc<dyn Dial>,
    login: Login,
    timeouts: Timeouts,
    options: ConnectOptions,
    /// Who is asked first: another one each time, so that one which is behind does not decide for ever.
    turn: AtomicUsize,
    /// Where the primary was last.
    last: Mutex<Option<String>>,
}

impl fmt::Debug for SentinelDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SentinelDialer({})", self.label)
    }
}

impl SentinelDialer {
    /// `way` leads to the first Sentinel, and on to others. Opens nothing yet.
    pub(super) fn new(
        way: Arc<dyn Dial>,
        target: &Target,
        watched: &Watched,
        options: &ConnectOptions,
    ) -> Result<Self> {
        let first: Arc<str> = way.name().into();
        let mut sentinels = vec![(first, Arc::clone(&way))];
        for address in &target.seeds {
            let other = match address {
                Address::Tcp { host, port } => way.another(host, *port),
                Address::Unix(_) => None,
            };
            let place: Arc<str> = address.to_string().into();
            let other = other.ok_or_else(|| topology::no_way(&place))?;
            sentinels.push((place, other));
        }
        Ok(Self {
            name: watched.name.clone(),
            label: format!("{}@{}", watched.name, way.name()),
            sentinels,
            way,
            login: Login::to_sentinel(watched, options),
            timeouts: timeouts(options.timeout.min(limits::SENTINEL_TIMEOUT)),
            options: options.clone(),
            turn: AtomicUsize::new(0),
            last: Mutex::new(None),
        })
    }

    /// Where the primary was when it was dialled last.
    pub(super) fn last(&self) -> Option<String> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn dial_primary(&self) -> io::Result<Box<dyn Stream>> {
        let place = self.find().await.map_err(io::Error::other)?;
        let place = self
            .options
            .address_map
            .get(&place)
            .cloned()
            .unwrap_or(place);
        let way = split(&place).and_then(|(host, port)| self.way.another(host, port));
        let way = way.ok_or_else(|| io::Error::other(topology::no_way(&place)))?;
        let stream = way.dial().await.map_err(|cause| {
            io::Error::other(
                super::handshake::unreachable(&place, cause).during("connect to the primary"),
            )
        })?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(stream)
    }

    /// Asks one Sentinel after the other.
    async fn find(&self) -> Result<String> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut trouble: Option<Error> = None;
        let mut has_answer = false;
        for at in 0..self.sentinels.len() {
            let (place, dialer) = &self.sentinels[(first + at) % self.sentinels.len()];
            let asked = timeout(limits::SENTINEL_TIMEOUT, self.ask(place, dialer.as_ref()));
            match asked.await {
                Ok(Ok(Some(found))) => return Ok(found),
                Ok(Ok(None)) => has_answer = true,
                // What somebody has to mend says more than one that is not there.
                Ok(Err(error)) => {
                    if trouble.is_none() || error.kind() == ErrorKind::Auth {
                        trouble = Some(error);
                    }
                }
                Err(_) => {
                    trouble.get_or_insert_with(|| {
                        let context = format!("no answer within {:?}", limits::SENTINEL_TIMEOUT);
                        failure(ErrorKind::Timeout, context).on_node(place)
                    });
                }
            }
        }
        Err(self.not_found(has_answer, trouble))
    }

    async fn ask(&self, place: &Arc<str>, dialer: &dyn Dial) -> Result<Option<String>> {
        let mut connection = self.login.open(dialer, place, self.timeouts).await?;
        let args = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name];
        let reply = connection
            .call(COMMAND, Class::Handshake, args.iter())
            .await;
        match reply? {
            Reply::Null => Ok(None),
            Reply::Array(parts) => match parts.as_slice() {
                [Reply::Bulk(host), Reply::Bulk(port)] => Ok(found(host, port)),
                _ => Err(connection.unexpected(COMMAND)),
            },
            _ => Err(connection.unexpected(COMMAND)),
        }
    }

    fn not_found(&self, has_answer: bool, trouble: Option<Error>) -> Error {
        if has_answer {
            return Error::new(
                ErrorKind::Unreachable,
                Retry::Never,
                OPERATION,
                format!("no sentinel knows a primary named {}", self.name),
            )
            .with_hint("see the names that it knows: redis-cli -p 26379 SENTINEL MASTERS");
        }
        let tried: Vec<&str> = self
            .sentinels
            .iter()
            .map(|(place, _)| place.as_ref())
            .collect();
        let tried = tried.join(", ");
        match trouble {
            Some(error) if error.kind() == ErrorKind::Auth => {
                failure(ErrorKind::Auth, format!("no sentinel lets us in: tried {tried}"))
                    .with_hint("user and password of the URL are the data servers'; a sentinel's own are given apart")
                    .with_source(error)
            }
            Some(error) if error.kind() == ErrorKind::Tls => {
                failure(ErrorKind::Tls, format!("no sentinel answers: tried {tried}"))
                    .with_hint("rediss-sentinel:// speaks TLS with the sentinels too")
                    .with_source(error)
            }
            Some(error) => failure(
                ErrorKind::Unreachable,
                format!("no sentinel answers: tried {tried}"),
            )
            .with_hint("are the sentinels running, and are their ports right (26379, and not the data servers')?")
            .with_source(error),
            None => failure(ErrorKind::Unreachable, "no sentinel is named".to_owned()),
        }
    }
}

impl Dial for SentinelDialer {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.dial_primary())
    }

    fn name(&self) -> String {
        self.label.clone()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        self.way.another(host, port)
    }
}

fn found(host: &[u8], port: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?;
    let port = std::str::from_utf8(port).ok()?.parse().ok()?;
    Some(joined(host, port))
}

fn failure(kind: ErrorKind, context: String) -> Error {
    let retry = match kind {
        ErrorKind::Auth | ErrorKind::Tls => Retry::Never,
        _ => Retry::Reconnect,
    };
    Error::new(kind, retry, OPERATION, context)
}
