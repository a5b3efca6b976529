//! What tells a server from another one: its name here, its address, its database, and its process. Never credentials.

use keypace::{ServerInfo, Target};
use serde::{Deserialize, Serialize};

/// What work was begun on. It goes on by itself only where all of this is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// What the config calls it.
    pub server: String,
    /// Where it is; of a cluster the first address of the config, whichever node answers.
    pub address: String,
    /// Its database.
    pub database: u32,
    /// The process that answers, behind Sentinels that of the primary. A cluster has none: its nodes are replaced, and work
    /// knows by itself what it has proven of which.
    pub run_id: String,
}

/// The role that a cluster is told by.
const CLUSTER: &str = "cluster";

impl Identity {
    /// Of who answers at a server of this name, which the config has at `url`.
    #[must_use]
    pub fn of(name: &str, url: &Target, server: &ServerInfo) -> Self {
        let (address, run_id) = if server.role == CLUSTER {
            (url.to_string(), format!("{CLUSTER} at {url}"))
        } else {
            (server.address.clone(), server.run_id.clone())
        };
        Self {
            server: name.to_owned(),
            address,
            database: server.database,
            run_id,
        }
    }

    /// In what `now` is another one, as a part of a sentence; `None` where it is the same.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        if self.server != now.server {
            return Some(format!("it was begun on the server {}", self.server));
        }
        if self.address != now.address {
            let (then, now) = (&self.address, &now.address);
            return Some(format!(
                "it was begun at {then}, and the config names {now}"
            ));
        }
        if self.database != now.database {
            let (then, now) = (self.database, now.database);
            return Some(format!(
                "it was begun in database {then}, and the config names database {now}"
            ));
        }
        let same = self.run_id == now.run_id;
        (!same).then(|| {
            format!(
                "another process answers at {} than it was begun on",
                now.address
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    type Change = fn(&mut Identity);

    fn identity() -> Identity {
        Identity {
            server: "prod".to_owned(),
            address: "127.0.0.1:6379".to_owned(),
            database: 0,
            run_id: "a".to_owned(),
        }
    }

    #[test]
    fn each_part_tells_one_from_another() {
        let begun = identity();
        assert_eq!(begun.difference(&identity()), None);
        let others: [(Change, &str); 4] = [
            (|it| it.server.push('2'), "the server prod"),
            (|it| it.address.push('2'), "127.0.0.1:63792"),
            (|it| it.database = 7, "database 7"),
            (|it| it.run_id.push('b'), "another process"),
        ];
        for (change, told) in others {
            let mut now = identity();
            change(&mut now);
            let text = begun.difference(&now).expect("another");
            assert!(text.contains(told), "{text}");
        }
    }
}
