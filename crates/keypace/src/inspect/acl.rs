//! Rules that forbid what nobody calls. Suggestions: nothing here is sent. Pure.

use std::collections::BTreeSet;

use super::commandstats::Counts;
use super::look::NodeLook;
use crate::report::AclAdvice;

/// Commands that an application has no use for, each known to every server with ACLs.
const DANGEROUS: [&str; 11] = [
    "keys",
    "flushall",
    "flushdb",
    "swapdb",
    "monitor",
    "debug",
    "save",
    "shutdown",
    "replicaof",
    "slaveof",
    "module",
];
/// The user where only the default one is connected, who is nobody in particular.
const NOBODY: &str = "app";
/// Users that are named: more rules than this fill a screen.
const MAX_USERS: usize = 5;

/// A rule for each user that is connected, of the commands that nobody has called. None where that isn't known, or where
/// servers have no ACLs (before 6.0).
pub(super) fn advice(looks: &[NodeLook], counts: &Counts) -> Vec<AclAdvice> {
    let has_acls = |look: &NodeLook| {
        let major = look
            .info
            .get("redis_version")
            .and_then(|version| version.split('.').next());
        major
            .and_then(|major| major.parse::<u32>().ok())
            .is_some_and(|major| major >= 6)
    };
    if counts.is_empty() || looks.is_empty() || !looks.iter().all(has_acls) {
        return Vec::new();
    }
    let is_called = |command: &str| {
        let of_it = |name: &str| {
            name.strip_prefix(command)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        };
        counts
            .iter()
            .any(|(name, counted)| counted.calls > 0 && of_it(name))
    };
    let commands: Vec<String> = DANGEROUS
        .iter()
        .filter(|command| !is_called(command))
        .map(|command| (*command).to_owned())
        .collect();
    if commands.is_empty() {
        return Vec::new();
    }
    let clients = looks
        .iter()
        .flat_map(|look| &look.clients)
        .filter(|client| !client.is_link());
    let mut users: BTreeSet<&str> = clients
        .map(|client| &*client.user)
        .filter(|user| is_plain(user))
        .collect();
    users.remove("default");
    if users.is_empty() {
        users.insert(NOBODY);
    }
    let rules: String = commands
        .iter()
        .map(|command| format!(" -{command}"))
        .collect();
    let users = users.into_iter().take(MAX_USERS);
    users
        .map(|user| AclAdvice {
            user: user.to_owned(),
            rule: format!("ACL SETUSER {user}{rules}"),
            commands: commands.clone(),
        })
        .collect()
}

/// A name that can be typed as it is.
fn is_plain(user: &str) -> bool {
    !user.is_empty()
        && user
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@'))
}

#[cfg(test)]
mod tests {
    use super::advice;
    use crate::inspect::clients::clients;
    use crate::inspect::commandstats::counts;
    use crate::inspect::look::NodeLook;
    use crate::port::Info;

    fn look(version: &str) -> NodeLook {
        let info = format!("redis_version:{version}\r\n");
        NodeLook::new("a:1".to_owned(), None, Info::parse(info.as_bytes()))
    }

    #[test]
    fn what_was_called_is_not_forbidden() {
        let counts = counts(b"cmdstat_keys:calls=2,usec=1\r\ncmdstat_debug|sleep:calls=1,usec=1\r\ncmdstat_save:calls=0,usec=0\r\n", b"");
        let told = advice(&[look("7.0.15")], &counts);
        assert_eq!(
            told[0].rule,
            "ACL SETUSER app -flushall -flushdb -swapdb -monitor -save -shutdown -replicaof -slaveof -module"
        );
        assert!(advice(&[look("5.0.6")], &counts).is_empty());
        assert!(advice(&[look("7.0.15")], &Default::default()).is_empty());
    }

    #[test]
    fn users_who_are_connected_are_named() {
        let mut look = look("8.0.2");
        look.clients = clients(b"id=1 user=default\nid=2 user=web flags=N\nid=3 user=a;b flags=N\nid=4 user=repl flags=S\n");
        let told = advice(&[look], &counts(b"cmdstat_get:calls=2,usec=1\r\n", b""));
        let users: Vec<&str> = told.iter().map(|advice| &*advice.user).collect();
        assert_eq!(users, ["web"]);
    }
}
