//! What a server can do, asked and not guessed from its version.

use super::connection::{Class, Connection};
use super::node::Node;
use super::resp::Reply;
use super::server_error::ServerCode;
use crate::error::{Result, Retry};

/// The command that removes keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Frees large values beside the main thread.
    Unlink,
    /// For servers without UNLINK (before 4.0).
    Del,
}

impl Removal {
    /// The command's name.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Unlink => "UNLINK",
            Self::Del => "DEL",
        }
    }
}

/// The command to remove keys with. Asked again where the server can't answer at the moment. Cancel-safe.
pub(crate) async fn removal(node: &Node) -> Result<Removal> {
    let mut backoff = node.backoff();
    loop {
        let asked = match node.lease().await {
            Ok(mut lease) => ask_removal(&mut lease).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(removal) => return Ok(removal),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

/// Answers 1 where what a script did goes to the replicas in place of the script: since 3.2 where it asks for that, and
/// always since 5.0. Both names are asked for, since the first means nothing any more and may go.
const TELLS_EFFECTS: &str =
    "if redis.replicate_commands or redis.setresp then return 1 end return 0";

/// Whether keys can be checked and removed by a script: the user may run one, and replicas are told what it did. Before 3.2
/// they run it themselves and see other idle times (P32b). Asked again where the server can't answer at the moment.
/// Cancel-safe.
pub(crate) async fn scripts_allowed(node: &Node) -> Result<bool> {
    let mut backoff = node.backoff();
    loop {
        let asked = match node.lease().await {
            Ok(mut lease) => ask_for_scripts(&mut lease).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(are_allowed) => return Ok(are_allowed),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

async fn ask_for_scripts(connection: &mut Connection) -> Result<bool> {
    connection.queue("EVAL", Class::Read, ["EVAL", TELLS_EFFECTS, "0"].iter());
    connection.flush().await?;
    match connection.reply().await? {
        Reply::Int(tells) => Ok(tells == 1),
        Reply::Error(text) => match ServerCode::of(&text) {
            ServerCode::NoPerm | ServerCode::UnknownCommand => Ok(false),
            _ => Err(connection.refused("EVAL", &text)),
        },
        _ => Err(connection.unexpected("EVAL")),
    }
}

/// Asks by `COMMAND INFO`; where an ACL or a very old server refuses that, by one UNLINK of a name of our own.
async fn ask_removal(connection: &mut Connection) -> Result<Removal> {
    connection.queue(
        "COMMAND INFO",
        Class::Read,
        ["COMMAND", "INFO", "UNLINK"].iter(),
    );
    connection.flush().await?;
    match connection.reply().await? {
        Reply::Array(commands) => match commands.first() {
            Some(Reply::Array(_)) => Ok(Removal::Unlink),
            Some(Reply::Null) => Ok(Removal::Del),
            _ => Err(connection.unexpected("COMMAND INFO")),
        },
        Reply::Error(text) if ServerCode::of(&text).meaning().1 == Retry::Backoff => {
            Err(connection.refused("COMMAND INFO", &text))
        }
        Reply::Error(_) => try_unlink(connection).await,
        _ => Err(connection.unexpected("COMMAND INFO")),
    }
}

async fn try_unlink(connection: &mut Connection) -> Result<Removal> {
    let name = format!("keypace:probe:{}", unpredictable());
    connection.queue("UNLINK", Class::Write, ["UNLINK", &name].iter());
    connection.flush().await?;
    match connection.reply().await? {
        Reply::Int(_) => Ok(Removal::Unlink),
        Reply::Error(text) if ServerCode::of(&text) == ServerCode::UnknownCommand => {
            Ok(Removal::Del)
        }
        // It exists, and whether it may be used shows when it is.
        Reply::Error(text) if ServerCode::of(&text) == ServerCode::NoPerm => Ok(Removal::Unlink),
        Reply::Error(text) => Err(connection.refused("UNLINK", &text)),
        _ => Err(connection.unexpected("UNLINK")),
    }
}

/// 64 bits that nobody else's key name holds: the standard library's hash seeds are random.
pub(super) fn unpredictable() -> String {
    use std::hash::{BuildHasher, Hasher};
    let seed = std::collections::hash_map::RandomState::new();
    format!("{:016x}", seed.build_hasher().finish())
}
