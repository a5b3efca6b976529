//! The one script that checks and removes in one step: its text, what is sent with it, and what its answer says. Sends
//! nothing.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Retry};
use crate::port::{Removal, Reply, ServerCode, refuses_keys};
use crate::select::Guard;

/// Handles one bounded batch (P27).
pub(super) const TEXT: &str = include_str!("script.lua");
/// The SHA-1 of the text, by which EVALSHA names it.
pub(super) const DIGEST: &str = "cfdbe285b7bb4dc0425d90bb31092d65bb4c858a";

/// The script with the conditions of one run.
#[derive(Debug)]
pub(super) struct Check {
    guard: Guard,
    removal: Removal,
    /// ARGV.
    args: Vec<String>,
    /// The commands that it runs, as an ACL names them.
    commands: Vec<&'static str>,
}

/// How a key came out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It passed, and was removed.
    Deleted,
    /// It was not there.
    Gone,
    /// It did not pass.
    Refused,
    /// It did not pass for its type.
    OtherType,
}

/// What the script said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Of its first keys, in order; all of them, where there is no error.
    pub(super) fates: Vec<Fate>,
    /// What stopped it at the next key, as a server's error reply.
    pub(super) error: Option<Vec<u8>>,
}

impl Check {
    pub(super) fn new(guard: &Guard, removal: Removal) -> Self {
        let asked = guard.questions();
        let mut commands = vec!["eval", "evalsha"];
        let measures = ["memory|usage", "type", "strlen", "llen", "scard", "zcard"];
        for (is_asked, names) in [
            (asked.idle, &["object|idletime", "object|refcount"][..]),
            (asked.kind, &["type"]),
            (asked.ttl, &["pttl"]),
            (asked.size, &measures),
            (asked.size, &["hlen", "xlen"]),
        ] {
            if is_asked {
                commands.extend(names);
            }
        }
        commands.push(match removal {
            Removal::Unlink => "unlink",
            Removal::Del => "del",
        });
        commands.sort_unstable();
        commands.dedup();
        let mut check = Self {
            guard: guard.clone(),
            removal,
            args: Vec::new(),
            commands,
        };
        check.on(false);
        check
    }

    /// It runs on a connection whose reads make no key young, or do. Where they would, and idle times matter, no elements
    /// are counted: a sampled size decides.
    pub(super) fn on(&mut self, is_no_touch: bool) {
        let guard = &self.guard;
        let may_count = is_no_touch || guard.trusts_idle() || !guard.asks_idle();
        let own = if guard.trusts_idle() { "" } else { "own" };
        self.args = vec![self.removal.command().to_owned(), own.to_owned()];
        self.args.extend(guard.script_args(may_count));
    }

    /// ARGV.
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }

    /// What a user needs to run it, as an ACL rule.
    fn rights(&self) -> String {
        let rights: Vec<String> = (self.commands.iter())
            .map(|name| format!("+{name}"))
            .collect();
        rights.join(" ")
    }

    /// An error reply to EVAL or EVALSHA, or what a command of the script said. An ACL's refusal is the guard's: with
    /// less than all of these rights nothing is removed in two steps in place of one.
    pub(super) fn refused(&self, error: Error, text: &[u8]) -> Error {
        let error = error.during("check and delete keys by a script");
        if !lacks_rights(text) {
            return error;
        }
        let rights = self.rights();
        let node = error.node().unwrap_or_default().to_owned();
        let context = error.context().to_owned();
        let operation = error.operation().to_owned();
        Error::new(ErrorKind::Guard, Retry::Never, operation, context)
            .on_node(&node)
            .with_hint(format!(
                "a filtered delete checks and removes in one step; add the rights to the ACL user: ACL SETUSER <user> {rights}"
            ))
            .with_source(error)
    }
}

/// The ACL rule for who checks and removes by the script.
pub(crate) fn script_rights(guard: &Guard, removal: Removal) -> String {
    Check::new(guard, removal).rights()
}

/// Reads the answer about so many keys; `None` where it is none of the script's.
pub(super) fn read(reply: &Reply, asked: usize) -> Option<Said> {
    match reply {
        Reply::Bulk(letters) => {
            let fates = fates(letters)?;
            (fates.len() == asked).then_some(Said { fates, error: None })
        }
        Reply::Array(parts) => {
            let [Reply::Bulk(letters), Reply::Bulk(text)] = parts.as_slice() else {
                return None;
            };
            let fates = fates(letters)?;
            (fates.len() < asked).then(|| Said {
                fates,
                error: Some(told(text)),
            })
        }
        _ => None,
    }
}

fn fates(letters: &Bytes) -> Option<Vec<Fate>> {
    let fate = |letter: &u8| match letter {
        b'd' => Some(Fate::Deleted),
        b'g' => Some(Fate::Gone),
        b'r' => Some(Fate::Refused),
        b't' => Some(Fate::OtherType),
        _ => None,
    };
    letters.iter().map(fate).collect()
}

/// A command's error without what servers before 7.0 put around it: `@user_script: 12: -NOPERM ...`.
fn told(text: &[u8]) -> Vec<u8> {
    let bare = match text.strip_prefix(b"@user_script") {
        Some(rest) => rest
            .windows(3)
            .position(|at| at == b": -")
            .map_or(text, |at| &rest[at + 3..]),
        None => text,
    };
    bare.strip_prefix(b"-").unwrap_or(bare).to_vec()
}

/// Whether the user lacks the right for a command; before 7.0 a NOPERM, since then an ERR where a script runs it. A refusal
/// of some of the keys is none: others may pass.
fn lacks_rights(text: &[u8]) -> bool {
    let said = String::from_utf8_lossy(text);
    (ServerCode::of(text) == ServerCode::NoPerm && !refuses_keys(text))
        || said.contains("ACL failure in script")
        || said.contains("The user executing the script can't")
}

#[cfg(test)]
mod tests {
    use super::{Check, DIGEST, Fate, TEXT, read, told};
    use crate::error::{Error, ErrorKind, Retry};
    use crate::port::{Removal, Reply};
    use crate::select::{Filters, Guard};
    use bytes::Bytes;
    use keypace_testkit::Sim;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    /// With another digest every command would cost a second round trip and the whole text.
    #[tokio::test]
    async fn the_digest_is_that_of_the_text() {
        let mut connection = Sim::new().connect();
        let load = format!(
            "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n${}\r\n{TEXT}\r\n",
            TEXT.len()
        );
        connection.write_all(load.as_bytes()).await.expect("sent");
        let mut reply = vec![0; b"$40\r\n".len() + 40 + 2];
        connection.read_exact(&mut reply).await.expect("a reply");
        let told = String::from_utf8_lossy(&reply);
        assert_eq!(told.trim_end().rsplit("\r\n").next(), Some(DIGEST));
    }

    #[test]
    fn p29_each_key_has_a_letter_or_the_answer_is_none() {
        let said = read(&bulk("dgrt"), 4).expect("read");
        let all = [Fate::Deleted, Fate::Gone, Fate::Refused, Fate::OtherType];
        assert_eq!((said.fates.as_slice(), said.error), (&all[..], None));
        let torn = Reply::Array(vec![bulk("d"), bulk("READONLY a replica")]);
        let said = read(&torn, 2).expect("read");
        assert_eq!(said.fates, [Fate::Deleted]);
        assert_eq!(said.error.as_deref(), Some(&b"READONLY a replica"[..]));
        for (reply, asked) in [
            (bulk("dd"), 3),
            (bulk("dd"), 1),
            (bulk("dx"), 2),
            (torn, 1),
            (Reply::Int(2), 2),
            (Reply::Null, 1),
        ] {
            assert_eq!(read(&reply, asked), None, "{reply:?}");
        }
    }

    #[test]
    fn what_old_servers_put_around_an_error_is_taken_off() {
        for (text, bare) in [
            ("@user_script: 12: -NOPERM no", "NOPERM no"),
            ("@user_script:12: -OOM no", "OOM no"),
            (
                "@user_script: 3: Unknown Redis command",
                "@user_script: 3: Unknown Redis command",
            ),
            ("-READONLY no", "READONLY no"),
            ("NOREPLICAS no", "NOREPLICAS no"),
        ] {
            assert_eq!(told(text.as_bytes()), bare.as_bytes());
        }
    }

    #[test]
    fn a_missing_right_is_named_whichever_way_it_is_told() {
        let guard = Guard::new(&Filters::default().with_has_ttl(), &["hash".to_owned()]);
        let check = Check::new(&guard, Removal::Unlink);
        for text in [
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "ERR ACL failure in script: User u has no permissions to run the 'unlink' command",
            "ERR The user executing the script can't run this command or subcommand",
        ] {
            let error = Error::new(ErrorKind::Server, Retry::Never, "run EVALSHA", text);
            let error = check.refused(error, text.as_bytes());
            assert_eq!(error.kind(), ErrorKind::Guard, "{text}");
            let hint = error.hint().expect("a hint");
            assert!(
                hint.ends_with("<user> +eval +evalsha +pttl +type +unlink"),
                "{hint}"
            );
        }
        let other = Error::new(ErrorKind::Busy, Retry::Backoff, "run EVALSHA", "BUSY");
        assert_eq!(check.refused(other, b"BUSY").kind(), ErrorKind::Busy);
    }
}
