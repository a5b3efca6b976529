//! The one table from a server's error code to kind, retry advice and hint. Decides nothing beyond it.

use crate::error::{Error, ErrorKind, Retry};

/// The codes that servers put in front of an error's text and that need an answer of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerCode {
    Moved,
    Ask,
    TryAgain,
    ClusterDown,
    CrossSlot,
    /// A cluster command, to a server that is in none.
    NoCluster,
    ReadOnly,
    Loading,
    OutOfMemory,
    NoPerm,
    NoAuth,
    WrongPass,
    NoScript,
    Busy,
    MasterDown,
    NoReplicas,
    Misconf,
    WrongType,
    ExecAbort,
    NoProto,
    UnknownCommand,
    Syntax,
    TooManyKeys,
    /// OBJECT IDLETIME under a policy that keeps how often a key is used, and not when.
    IdleUntracked,
    /// Refused before the handshake: too many clients, protected mode.
    MaxClients,
    Protected,
    Other,
}

impl ServerCode {
    /// Reads the code out of an error reply. Codes are a first word in capitals; some cases are told only
    /// by the text behind `ERR`.
    pub(crate) fn of(text: &[u8]) -> Self {
        let text = said_within_a_script(text);
        let word = text.split(|&b| b == b' ').next().unwrap_or_default();
        match word {
            b"MOVED" => Self::Moved,
            b"ASK" => Self::Ask,
            b"TRYAGAIN" => Self::TryAgain,
            b"CLUSTERDOWN" => Self::ClusterDown,
            b"CROSSSLOT" => Self::CrossSlot,
            b"READONLY" => Self::ReadOnly,
            b"LOADING" => Self::Loading,
            b"OOM" => Self::OutOfMemory,
            b"NOPERM" => Self::NoPerm,
            b"NOAUTH" => Self::NoAuth,
            b"WRONGPASS" => Self::WrongPass,
            b"NOSCRIPT" => Self::NoScript,
            b"BUSY" => Self::Busy,
            b"MASTERDOWN" => Self::MasterDown,
            b"NOREPLICAS" => Self::NoReplicas,
            b"MISCONF" => Self::Misconf,
            b"WRONGTYPE" => Self::WrongType,
            b"EXECABORT" => Self::ExecAbort,
            b"NOPROTO" => Self::NoProto,
            b"DENIED" => Self::Protected,
            _ => Self::of_text(text),
        }
    }

    fn of_text(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        if text.contains("unknown command") {
            Self::UnknownCommand
        } else if text.contains("too many keys") {
            Self::TooManyKeys
        } else if text.contains("lfu maxmemory policy") {
            Self::IdleUntracked
        } else if text.contains("syntax error") {
            Self::Syntax
        } else if text.contains("cluster support disabled") {
            Self::NoCluster
        } else if text.contains("max number of clients") {
            Self::MaxClients
        } else if text.contains("invalid password")
            || text.contains("without any password configured")
            || text.contains("no password is set")
        {
            Self::WrongPass
        } else {
            Self::Other
        }
    }

    /// Of the two things that CLUSTERDOWN says: one slot has no owner, or the cluster as a whole is down.
    pub(crate) fn is_unserved(text: &[u8]) -> bool {
        text.windows(15).any(|words| words == b"slot not served")
    }

    /// What it means to a caller.
    pub(crate) fn meaning(self) -> (ErrorKind, Retry, Option<&'static str>) {
        use ErrorKind as K;
        use Retry as R;
        match self {
            Self::Moved => (
                K::Moved,
                R::Redirect,
                Some(
                    "the slot is another node's by now: who owns it is asked anew (CLUSTER NODES)",
                ),
            ),
            Self::Ask => (
                K::Ask,
                R::Redirect,
                Some("the slot is on its way to another node: the key is asked for there"),
            ),
            Self::TryAgain => (
                K::TryAgain,
                R::Backoff,
                Some("the slot's keys are split between two nodes until its move is done"),
            ),
            Self::ClusterDown => (
                K::ClusterDown,
                R::Backoff,
                Some("check the cluster's state: CLUSTER INFO"),
            ),
            Self::CrossSlot => (
                K::CrossSlot,
                R::Never,
                Some(
                    "keys of one command have to be of one slot in a cluster: give them one hash tag, as in {user}:a",
                ),
            ),
            Self::NoCluster => (
                K::Unsupported,
                R::Never,
                Some("this is a single server: leave --topology out"),
            ),
            Self::ReadOnly => (
                K::ReadOnly,
                R::Never,
                Some("this server is a replica or takes no writes: give the primary's address"),
            ),
            Self::Loading => (
                K::Loading,
                R::Backoff,
                Some(
                    "the server is reading its dataset: try again when it is done (INFO persistence)",
                ),
            ),
            Self::OutOfMemory => (
                K::OutOfMemory,
                R::Backoff,
                Some("the server is at maxmemory and refuses the command"),
            ),
            Self::NoPerm => (K::Permission, R::Never, None),
            Self::NoAuth => (
                K::Auth,
                R::Never,
                Some("the server wants a password: set KEYPACE_PASSWORD or --password-file"),
            ),
            Self::WrongPass => (
                K::Auth,
                R::Never,
                Some("check the user and the password (KEYPACE_PASSWORD, --user, --password-file)"),
            ),
            Self::NoScript => (K::NoScript, R::Never, None),
            Self::Busy => (
                K::Busy,
                R::Backoff,
                Some("a script keeps the server busy: see SCRIPT KILL or FUNCTION KILL"),
            ),
            Self::MasterDown => (
                K::MasterDown,
                R::Backoff,
                Some("this replica has lost its primary"),
            ),
            Self::NoReplicas => (
                K::WritesRefused,
                R::Backoff,
                Some("too few replicas: see min-replicas-to-write"),
            ),
            Self::Misconf => (
                K::WritesRefused,
                R::Backoff,
                Some(
                    "the last save failed, so writes are refused: see the server's log and stop-writes-on-bgsave-error",
                ),
            ),
            Self::WrongType => (K::WrongType, R::Never, None),
            Self::ExecAbort => (K::Aborted, R::Never, None),
            Self::NoProto | Self::UnknownCommand => (K::UnknownCommand, R::Never, None),
            Self::TooManyKeys => (
                K::KeysRefused,
                R::Never,
                Some("this service refuses KEYS on so many keys: use SCAN (leave --use-keys out)"),
            ),
            Self::IdleUntracked => (K::Guard, R::Never, Some(IDLE_UNTRACKED_HINT)),
            Self::MaxClients => (
                K::Unreachable,
                R::Reconnect,
                Some("the server has no free connections: see maxclients"),
            ),
            Self::Protected => (
                K::Unreachable,
                R::Never,
                Some(
                    "the server is in protected mode: connect from its own host, or set a password there",
                ),
            ),
            Self::Syntax | Self::Other => (K::Server, R::Never, None),
        }
    }
}

/// Why an age is refused, and which setting decides it.
pub(crate) const IDLE_UNTRACKED_HINT: &str = "age is idle time, which the server keeps under LRU policies and noeviction only: see its setting maxmemory-policy";

/// An error reply as an error. Server texts can repeat arguments (`unknown command 'x', with args beginning
/// with: ...`), so only the part that can't hold a value is kept.
pub(crate) fn from_reply(operation: &'static str, command: &str, text: &[u8]) -> Error {
    let code = ServerCode::of(text);
    let (kind, retry, hint) = code.meaning();
    let error = Error::new(kind, retry, operation, public_text(text));
    match (code, hint) {
        (ServerCode::NoPerm, _) if refuses_keys(text) => error.with_hint(
            "the ACL user may not write these keys: add a key pattern, for example ACL SETUSER <user> ~prefix:*",
        ),
        (ServerCode::NoPerm, _) => {
            let rule = command.to_ascii_lowercase().replace(' ', "|");
            error.with_hint(format!("add the right to the ACL user: ACL SETUSER <user> +{rule}"))
        }
        (_, Some(hint)) => error.with_hint(hint),
        (_, None) => error,
    }
}

/// Before 7.0 what a command of a script says is wrapped: `ERR Error running script (call to f_...): @user_script:3: ` and
/// then the code, or `@user_script: 3: -` and the code where the script was refused its first write.
fn said_within_a_script(text: &[u8]) -> &[u8] {
    const PLACE: &[u8] = b"@user_script:";
    let place = |text: &[u8]| text.windows(PLACE.len()).rposition(|words| words == PLACE);
    if !text.starts_with(b"ERR Error running script") {
        return text;
    }
    let Some(at) = place(text) else {
        return text;
    };
    let said = text[at + PLACE.len()..].trim_ascii_start();
    let digits = said.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match said[digits..].strip_prefix(b": ") {
        Some(said) => said.strip_prefix(b"-").unwrap_or(said),
        None => text,
    }
}

/// Whether a NOPERM is about keys and not about the command: others of the batch may pass then.
pub(crate) fn refuses_keys(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("access a key") || text.contains("access one of the keys")
}

fn public_text(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let end = text
        .find(", with args")
        .or_else(|| text.find(", `with args"))
        .unwrap_or(text.len());
    text[..end]
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{ServerCode, from_reply, refuses_keys};
    use crate::error::{ErrorKind, Retry};

    /// One row a code: what servers send, and what it has to mean.
    const TABLE: &[(&str, ErrorKind, Retry)] = &[
        (
            "MOVED 3999 127.0.0.1:6381",
            ErrorKind::Moved,
            Retry::Redirect,
        ),
        ("ASK 3999 127.0.0.1:6381", ErrorKind::Ask, Retry::Redirect),
        (
            "TRYAGAIN Multiple keys request during rehashing of slot",
            ErrorKind::TryAgain,
            Retry::Backoff,
        ),
        (
            "CLUSTERDOWN The cluster is down",
            ErrorKind::ClusterDown,
            Retry::Backoff,
        ),
        (
            "CLUSTERDOWN Hash slot not served",
            ErrorKind::ClusterDown,
            Retry::Backoff,
        ),
        ("MOVED 5 :6381", ErrorKind::Moved, Retry::Redirect),
        (
            "ERR Error running script (call to f_1e6efd00): @user_script:27: WRONGTYPE Operation against a key",
            ErrorKind::WrongType,
            Retry::Never,
        ),
        (
            "ERR Error running script (call to f_1e6efd00): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
            ErrorKind::ReadOnly,
            Retry::Never,
        ),
        (
            "ERR Error running script (call to f_1e6efd00): @user_script:9: attempt to index a nil value",
            ErrorKind::Server,
            Retry::Never,
        ),
        (
            "ERR This instance has cluster support disabled",
            ErrorKind::Unsupported,
            Retry::Never,
        ),
        (
            "ERR SELECT is not allowed in cluster mode",
            ErrorKind::Server,
            Retry::Never,
        ),
        (
            "CROSSSLOT Keys in request don't hash to the same slot",
            ErrorKind::CrossSlot,
            Retry::Never,
        ),
        (
            "READONLY You can't write against a read only replica.",
            ErrorKind::ReadOnly,
            Retry::Never,
        ),
        (
            "LOADING Redis is loading the dataset in memory",
            ErrorKind::Loading,
            Retry::Backoff,
        ),
        (
            "OOM command not allowed when used memory > 'maxmemory'.",
            ErrorKind::OutOfMemory,
            Retry::Backoff,
        ),
        (
            "NOPERM User u has no permissions to run the 'unlink' command",
            ErrorKind::Permission,
            Retry::Never,
        ),
        (
            "NOAUTH Authentication required.",
            ErrorKind::Auth,
            Retry::Never,
        ),
        (
            "WRONGPASS invalid username-password pair or user is disabled.",
            ErrorKind::Auth,
            Retry::Never,
        ),
        ("ERR invalid password", ErrorKind::Auth, Retry::Never),
        (
            "ERR AUTH <password> called without any password configured for the default user.",
            ErrorKind::Auth,
            Retry::Never,
        ),
        (
            "ERR Client sent AUTH, but no password is set",
            ErrorKind::Auth,
            Retry::Never,
        ),
        (
            "NOSCRIPT No matching script.",
            ErrorKind::NoScript,
            Retry::Never,
        ),
        (
            "BUSY Redis is busy running a script.",
            ErrorKind::Busy,
            Retry::Backoff,
        ),
        (
            "MASTERDOWN Link with MASTER is down",
            ErrorKind::MasterDown,
            Retry::Backoff,
        ),
        (
            "NOREPLICAS Not enough good replicas to write.",
            ErrorKind::WritesRefused,
            Retry::Backoff,
        ),
        (
            "MISCONF Redis is configured to save RDB snapshots",
            ErrorKind::WritesRefused,
            Retry::Backoff,
        ),
        (
            "WRONGTYPE Operation against a key",
            ErrorKind::WrongType,
            Retry::Never,
        ),
        (
            "EXECABORT Transaction discarded",
            ErrorKind::Aborted,
            Retry::Never,
        ),
        (
            "NOPROTO unsupported protocol version",
            ErrorKind::UnknownCommand,
            Retry::Never,
        ),
        (
            "ERR unknown command 'FOO', with args beginning with: 'secret' ",
            ErrorKind::UnknownCommand,
            Retry::Never,
        ),
        (
            "ERR too many keys to fetch, please use SCAN",
            ErrorKind::KeysRefused,
            Retry::Never,
        ),
        (
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching",
            ErrorKind::Guard,
            Retry::Never,
        ),
        (
            "ERR max number of clients reached",
            ErrorKind::Unreachable,
            Retry::Reconnect,
        ),
        (
            "DENIED Redis is running in protected mode",
            ErrorKind::Unreachable,
            Retry::Never,
        ),
        ("ERR syntax error", ErrorKind::Server, Retry::Never),
        ("ERR something new", ErrorKind::Server, Retry::Never),
        ("", ErrorKind::Server, Retry::Never),
    ];

    #[test]
    fn p28_each_code_has_an_answer_of_its_own() {
        for (text, kind, retry) in TABLE {
            let error = from_reply("delete keys", "UNLINK", text.as_bytes());
            assert_eq!((error.kind(), error.retry()), (*kind, *retry), "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn noperm_names_the_rule_to_add() {
        let command = from_reply(
            "x",
            "CLIENT SETNAME",
            b"NOPERM User u has no permissions to run the 'client|setname' command",
        );
        assert!(command.hint().expect("hint").contains("+client|setname"));
        let keys = b"NOPERM No permissions to access a key";
        assert!(refuses_keys(keys));
        assert!(
            from_reply("x", "UNLINK", keys)
                .hint()
                .expect("hint")
                .contains('~')
        );
        assert!(refuses_keys(
            b"NOPERM this user has no permissions to access one of the keys used as arguments"
        ));
        assert_eq!(ServerCode::of(b"NOPERM x"), ServerCode::NoPerm);
    }
}
