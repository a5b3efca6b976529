//! What is said before the first command: who we are, which database, and who answers. Retries nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::connection::{Class, Connection, Timeouts};
use super::dial::Dial;
use super::info::Info;
use super::options::{ConnectOptions, Protocol, Purpose};
use super::resp::Reply;
use super::server_error::ServerCode;
use super::target::{Target, Watched};
use super::topology;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// As whom we come, and what we want.
#[derive(Clone)]
pub(super) struct Login {
    user: Option<String>,
    password: Option<String>,
    database: u32,
    protocol: Protocol,
    purpose: Purpose,
    reads_replicas: bool,
    client_name: String,
    /// Sentinels may name one that is none any more.
    needs_primary: bool,
}

impl Login {
    pub(super) fn new(target: &Target, options: &ConnectOptions) -> Self {
        Self {
            user: target.user.clone(),
            // A user of whom no password is known may have none (nopass); coming as the default user instead would be
            // another identity.
            password: (target.password.clone())
                .or_else(|| target.user.as_ref().map(|_| String::new())),
            database: target.database,
            protocol: options.protocol,
            purpose: options.purpose,
            reads_replicas: options.reads_replicas,
            client_name: options.client_name.clone(),
            needs_primary: target.sentinel.is_some(),
        }
    }

    /// The login at a Sentinel itself, which holds no keys and has no databases.
    pub(super) fn to_sentinel(watched: &Watched, options: &ConnectOptions) -> Self {
        Self {
            user: watched.user.clone(),
            password: watched.password.clone(),
            database: 0,
            // Sentinels know AUTH and RESP2 in every version.
            protocol: Protocol::Resp2,
            reads_replicas: false,
            purpose: Purpose::Application,
            client_name: options.client_name.clone(),
            needs_primary: false,
        }
    }

    /// The same at a replica, to read from it. (Outside clusters READONLY is refused, and needed by nobody.)
    pub(super) fn to_replica(&self) -> Self {
        Self {
            reads_replicas: true,
            needs_primary: false,
            ..self.clone()
        }
    }

    pub(super) fn database(&self) -> u32 {
        self.database
    }

    /// Opens a connection and says all of it.
    pub(super) async fn open(
        &self,
        dialer: &dyn Dial,
        node: &Arc<str>,
        timeouts: Timeouts,
    ) -> Result<Connection> {
        let stream = match timeout(timeouts.handshake, dialer.dial()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(cause)) => return Err(unreachable(node, cause)),
            Err(_) => {
                return Err(connect_error(
                    ErrorKind::Unreachable,
                    node,
                    format!("no answer within {:?}", timeouts.handshake),
                )
                .with_hint("check the address, and the way to it (firewall, route)"));
            }
        };
        let mut connection = Connection::new(stream, Arc::clone(node), timeouts);
        self.greet(&mut connection).await?;
        self.settle_in(&mut connection).await?;
        Ok(connection)
    }

    /// Names the process. Behind Sentinels also its time as the primary, by the replication id that each promotion
    /// makes anew: one that was a replica in between has loaded another dataset.
    fn identity(&self, info: &Info) -> Option<String> {
        let run_id = info.get("run_id")?.to_owned();
        let reign = info.get("master_replid").filter(|_| self.needs_primary);
        Some(reign.map_or(run_id.clone(), |reign| format!("{run_id}.{reign}")))
    }

    /// HELLO where the server has it, AUTH where it hasn't.
    async fn greet(&self, connection: &mut Connection) -> Result<()> {
        if self.protocol != Protocol::Resp2 {
            match self.hello(connection).await? {
                None => return Ok(()),
                Some(error) if self.protocol == Protocol::Resp3 => return Err(error),
                Some(_) => {}
            }
        }
        let Some(password) = &self.password else {
            return Ok(());
        };
        let mut args: Vec<&[u8]> = vec![b"AUTH"];
        args.extend(self.user.as_deref().map(str::as_bytes));
        args.push(password.as_bytes());
        connection
            .call("AUTH", Class::Handshake, args.into_iter())
            .await?;
        Ok(())
    }

    /// `None` where the server accepted; the error where it may yet accept AUTH alone.
    async fn hello(&self, connection: &mut Connection) -> Result<Option<Error>> {
        let mut args: Vec<&[u8]> = vec![b"HELLO", b"3"];
        if let Some(password) = &self.password {
            let user = self.user.as_deref().unwrap_or("default");
            args.extend([&b"AUTH"[..], user.as_bytes(), password.as_bytes()]);
        }
        connection.queue("HELLO", Class::Handshake, args.into_iter());
        connection.flush().await?;
        match connection.reply().await? {
            Reply::Map(_) | Reply::Array(_) => Ok(None),
            Reply::Error(text) => {
                let error = connection.refused("HELLO", &text);
                match ServerCode::of(&text) {
                    ServerCode::UnknownCommand
                    | ServerCode::NoProto
                    | ServerCode::NoPerm
                    | ServerCode::Syntax => Ok(Some(error)),
                    _ => Err(error),
                }
            }
            _ => Err(connection.unexpected("HELLO")),
        }
    }

    /// Name, database, NO-TOUCH, and which process this is: one round trip.
    async fn settle_in(&self, connection: &mut Connection) -> Result<()> {
        let database = self.database.to_string();
        let questions: [(&'static str, bool, &[&str]); 6] = [
            (
                "CLIENT SETNAME",
                true,
                &["CLIENT", "SETNAME", &self.client_name],
            ),
            (
                "CLIENT NO-TOUCH",
                self.purpose == Purpose::Maintenance,
                &["CLIENT", "NO-TOUCH", "ON"],
            ),
            ("SELECT", self.database != 0, &["SELECT", &database]),
            ("READONLY", self.reads_replicas, &["READONLY"]),
            // The role stands in another section, and several can't be asked for before 7.0.
            ("INFO", self.needs_primary, &["INFO"]),
            ("INFO", !self.needs_primary, &["INFO", "server"]),
        ];
        for (command, wanted, args) in questions {
            if wanted {
                connection.queue(command, Class::Handshake, args.iter());
            }
        }
        connection.flush().await?;
        let mut refused = None;
        for (command, _, _) in questions.into_iter().filter(|(_, wanted, _)| *wanted) {
            match connection.reply().await? {
                Reply::Error(text)
                    if is_fatal(ServerCode::of(&text))
                        || (command == "INFO"
                            && ServerCode::of(&text).meaning().1 == Retry::Backoff) =>
                {
                    // A server that is busy does not say who it is: asked again, not taken for another one.
                    return Err(connection.refused(command, &text));
                }
                // Whether it is a cluster's node, which has no other database, is in the answer behind.
                Reply::Error(text) if command == "SELECT" => {
                    refused = Some(connection.refused(command, &text));
                }
                Reply::Bulk(text) if command == "INFO" => {
                    let info = Info::parse(&text);
                    connection.run_id = self.identity(&info).map(Into::into);
                    self.check_place(&info)
                        .map_err(|error| error.on_node(connection.node()))?;
                }
                Reply::Simple(_) if command == "CLIENT NO-TOUCH" => connection.is_no_touch = true,
                // A name and NO-TOUCH are courtesies, and a user without INFO can still be served.
                _ => {}
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Whether this is a place where what is wanted can be found.
    fn check_place(&self, info: &Info) -> Result<()> {
        let mode = info.get("redis_mode").or_else(|| info.get("server_mode"));
        if self.database != 0 && mode == Some("cluster") {
            return Err(topology::other_database(self.database));
        }
        match info.get("role") {
            Some(role) if self.needs_primary && role != "master" => Err(topology::no_primary()),
            _ => Ok(()),
        }
    }
}

fn is_fatal(code: ServerCode) -> bool {
    matches!(
        code,
        ServerCode::NoAuth | ServerCode::WrongPass | ServerCode::MaxClients | ServerCode::Protected
    )
}

/// Why no stream could be opened. A dialer of ours may say so itself.
pub(super) fn unreachable(node: &str, cause: std::io::Error) -> Error {
    let cause = match cause.downcast::<Error>() {
        Ok(error) => return error.on_node(node),
        Err(cause) => cause,
    };
    let (kind, context, hint) = match cause.kind() {
        std::io::ErrorKind::ConnectionRefused => (
            ErrorKind::Unreachable,
            "the connection was refused",
            "is the server running, and is the port right?",
        ),
        std::io::ErrorKind::NotFound => (
            ErrorKind::Unreachable,
            "there is no such socket",
            "is the server running, and is the path right?",
        ),
        std::io::ErrorKind::PermissionDenied => (
            ErrorKind::Unreachable,
            "the socket's permissions refuse this user",
            "see the server's unixsocketperm",
        ),
        std::io::ErrorKind::InvalidData => (
            ErrorKind::Tls,
            "the TLS handshake failed",
            "check the certificate authority (--tls-ca), and that this port speaks TLS",
        ),
        _ => (
            ErrorKind::Unreachable,
            "the server can't be reached",
            "check the address, and the way to it (name, firewall, route)",
        ),
    };
    connect_error(kind, node, context)
        .with_hint(hint)
        .with_source(cause)
}

fn connect_error(kind: ErrorKind, node: &str, context: impl Into<String>) -> Error {
    Error::new(kind, Retry::Reconnect, "connect to the server", context).on_node(node)
}

/// The handshake is no slower than any command may be, and bounded where commands may take long.
pub(super) fn timeouts(command: Duration) -> Timeouts {
    Timeouts {
        command,
        handshake: command.min(limits::MAX_HANDSHAKE_TIMEOUT),
        blocking: command * limits::BLOCKING_TIMEOUT_FACTOR,
    }
}
