//! CLIENT LIST: who is connected, grouped. Of each line only what tells who it is and how it stands is read. Pure, for any
//! bytes.

use std::collections::BTreeMap;

use super::pattern::bounded;
use crate::key::Escaped;
use crate::limits::inspect::INSPECT_ROWS;
use crate::report::ClientGroup;

/// Commands that are named for one group.
const NAMED_COMMANDS: usize = 4;

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) address: String,
    pub(super) name: String,
    pub(super) library: String,
    pub(super) user: String,
    pub(super) command: String,
    pub(super) flags: String,
    pub(super) idle_s: u64,
    pub(super) output_bytes: u64,
}

impl Client {
    /// The host of its address.
    pub(super) fn host(&self) -> String {
        host(&self.address)
    }

    /// It is sent everything that the server does (MONITOR).
    pub(super) fn is_monitor(&self) -> bool {
        self.flags.contains('O')
    }

    /// A replica's link, or the server's own: nobody's application.
    pub(super) fn is_link(&self) -> bool {
        self.flags.contains(['S', 'M'])
    }
}

/// Reads the list. A name may not hold a space, so that the fields stand apart.
pub(super) fn clients(text: &[u8]) -> Vec<Client> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .filter(|line| !line.is_empty())
        .map(client)
        .collect()
}

fn client(line: &str) -> Client {
    let mut client = Client::default();
    let (mut library, mut version) = ("", "");
    for (name, value) in line.split(' ').filter_map(|field| field.split_once('=')) {
        let number = || value.parse().unwrap_or(0);
        match name {
            "id" => client.id = number(),
            "addr" => client.address = shown(value),
            "name" => client.name = shown(value),
            "lib-name" => library = value,
            "lib-ver" => version = value,
            "user" => client.user = shown(value),
            "cmd" => client.command = shown(value),
            "flags" => client.flags = shown(value),
            "idle" => client.idle_s = number(),
            "omem" => client.output_bytes = number(),
            _ => {}
        }
    }
    client.library = shown(format!("{library} {version}").trim());
    client
}

/// A name that a terminal can take.
pub(super) fn shown(text: &str) -> String {
    bounded(&Escaped::new(text.as_bytes()).to_string())
}

/// `10.0.0.5` of `10.0.0.5:40312`, `::1` of `[::1]:40312`; `unix socket` of a path.
pub(super) fn host(address: &str) -> String {
    // A command that a script ran, on servers that log those too.
    if address == "?:0" {
        return "a script".to_owned();
    }
    if address.contains('/') {
        return "unix socket".to_owned();
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_matches(['[', ']']).to_owned()
}

/// Connections that are alike in one row each, those with the most first.
pub(super) fn groups<'a>(clients: impl Iterator<Item = &'a Client>) -> Vec<ClientGroup> {
    type Who<'a> = (&'a str, &'a str, &'a str, String);
    let mut groups: BTreeMap<Who<'a>, (ClientGroup, BTreeMap<&'a str, u64>)> = BTreeMap::new();
    for client in clients {
        let who = (
            &*client.name,
            &*client.library,
            &*client.user,
            client.host(),
        );
        let (group, commands) = groups.entry(who).or_default();
        group.connections += 1;
        group.idle_s = group.idle_s.max(client.idle_s);
        group.output_bytes = group.output_bytes.saturating_add(client.output_bytes);
        *commands.entry(&client.command).or_default() += 1;
    }
    let mut rows: Vec<ClientGroup> = groups
        .into_iter()
        .map(|((name, library, user, host), (group, commands))| {
            let mut commands: Vec<_> = commands
                .into_iter()
                .filter(|(name, _)| !name.is_empty())
                .collect();
            commands.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
            let commands = commands.into_iter().take(NAMED_COMMANDS);
            ClientGroup {
                name: name.to_owned(),
                library: library.to_owned(),
                user: user.to_owned(),
                host,
                commands: commands.map(|(name, _)| name.to_owned()).collect(),
                ..group
            }
        })
        .collect();
    rows.sort_by_key(|group| std::cmp::Reverse(group.connections));
    rows.truncate(INSPECT_ROWS);
    rows
}

#[cfg(test)]
mod tests {
    use super::{clients, groups, host};
    use proptest::prelude::{prop_assert_eq, proptest};

    const LIST: &[u8] = b"id=7 addr=10.0.0.5:40312 laddr=10.0.0.1:6379 fd=8 name=billing age=100 idle=7 flags=N db=0 sub=0 omem=0 events=r cmd=keys user=app lib-name=redis-py lib-ver=5.0.1\n\
        id=8 addr=10.0.0.5:40313 fd=9 name=billing age=100 idle=9 flags=N omem=20 cmd=get user=app lib-name=redis-py lib-ver=5.0.1\n\
        id=9 addr=[::1]:1 name= flags=O idle=0 cmd=monitor user=default lib-name= lib-ver=\n";

    #[test]
    fn connections_that_are_alike_are_one_row() {
        let read = clients(LIST);
        assert_eq!((read.len(), read[0].id, read[2].is_monitor()), (3, 7, true));
        let rows = groups(read.iter());
        assert_eq!(rows.len(), 2);
        let billing = &rows[0];
        assert_eq!(
            (
                &*billing.name,
                &*billing.library,
                &*billing.user,
                &*billing.host
            ),
            ("billing", "redis-py 5.0.1", "app", "10.0.0.5")
        );
        assert_eq!(
            (billing.connections, billing.idle_s, billing.output_bytes),
            (2, 9, 20)
        );
        assert_eq!(billing.commands, ["get", "keys"]);
        assert_eq!(rows[1].library, "");
    }

    #[test]
    fn hosts_are_without_their_port() {
        for (address, expected) in [
            ("10.0.0.5:40312", "10.0.0.5"),
            ("[::1]:5", "::1"),
            ("/tmp/x.sock:0", "unix socket"),
            ("[/tmp/x.sock:0]:0", "unix socket"),
            ("?:0", "a script"),
            ("", ""),
        ] {
            assert_eq!(host(address), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let read = clients(&bytes);
            let counted: u64 = groups(read.iter()).iter().map(|group| group.connections).sum();
            prop_assert_eq!(counted.min(40), (read.len() as u64).min(40));
        }

        #[test]
        fn any_line_is_read(line in "(id|addr|name|idle|omem|cmd)=\\PC{0,20}( (id|addr|lib-name|flags)=\\PC{0,20}){0,4}") {
            groups(clients(line.as_bytes()).iter());
        }
    }
}
