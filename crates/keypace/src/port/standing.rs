//! What a server says of itself that idle times depend on: its policy, its past, its replicas, its saves. Asks, and
//! judges nothing.

use super::connection::{Class, Connection};
use super::info::Info;
use super::naming::joined;
use super::resp::Reply;
use crate::error::Result;

/// How a server stands, by its own account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Major and minor of the Redis that it is, or says it is like.
    pub(crate) version: (u32, u32),
    pub(crate) is_replica: bool,
    /// `noeviction`, `allkeys-lfu`; empty where it doesn't say.
    pub(crate) policy: String,
    /// It has a second replication id: it was a replica once, or was restarted.
    pub(crate) has_past: bool,
    /// How many replicas follow it.
    pub(crate) followers: usize,
    /// Where those are that it names.
    pub(crate) places: Vec<String>,
    /// Somebody has read keys here. Replication counts as no read.
    pub(crate) serves_reads: bool,
}

/// Asks a server how it stands. Not cancel-safe: the connection is of no use to the next call then.
pub(crate) async fn standing(connection: &mut Connection) -> Result<Standing> {
    Ok(read(&ask(connection, &["INFO"]).await?))
}

/// Whether a save or an AOF rewrite runs. Not cancel-safe.
pub(crate) async fn is_saving(connection: &mut Connection) -> Result<bool> {
    let info = ask(connection, &["INFO", "persistence"]).await?;
    let names = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"];
    Ok((names.iter()).any(|name| info.get(name).is_some_and(|value| value != "0")))
}

async fn ask(connection: &mut Connection, words: &[&str]) -> Result<Info> {
    match connection.call("INFO", Class::Read, words.iter()).await? {
        Reply::Bulk(text) => Ok(Info::parse(&text)),
        _ => Err(connection.unexpected("INFO")),
    }
}

fn read(info: &Info) -> Standing {
    let field = |name: &str| info.get(name).unwrap_or_default();
    let number = |name: &str| field(name).parse::<u64>().unwrap_or(0);
    let mut version = (field("redis_version").split('.')).map(|part| part.parse().unwrap_or(0));
    let followers = usize::try_from(number("connected_slaves")).unwrap_or(0);
    let is_id = |id: &str| id.bytes().any(|b| b != b'0');
    Standing {
        version: (version.next().unwrap_or(0), version.next().unwrap_or(0)),
        is_replica: field("role") == "slave",
        policy: field("maxmemory_policy").to_owned(),
        has_past: is_id(field("master_replid2")),
        followers,
        places: (0..followers)
            .filter_map(|n| place(field(&format!("slave{n}"))))
            .collect(),
        serves_reads: number("keyspace_hits") > 0 || number("keyspace_misses") > 0,
    }
}

/// `ip=127.0.0.1,port=7001,state=online,...`; before 2.8 without names, which gives none.
fn place(line: &str) -> Option<String> {
    let field = |name: &str| {
        line.split(',')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let port = field("port")?.parse().ok().filter(|port| *port != 0)?;
    Some(joined(field("ip").filter(|ip| !ip.is_empty())?, port))
}

#[cfg(test)]
mod tests {
    use super::super::info::Info;
    use super::{Standing, read};

    #[test]
    fn p30b_reads_what_idle_times_depend_on() {
        let info = Info::parse(
            b"redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lfu\r\nkeyspace_hits:0\r\nkeyspace_misses:3\r\n\
              role:master\r\nconnected_slaves:3\r\nslave0:ip=10.0.0.2,port=7001,state=online,offset=1,lag=0\r\n\
              slave1:ip=::1,port=7002,state=wait_bgsave,offset=0,lag=0\r\nslave2:ip=h,port=0,state=online\r\n\
              master_replid2:00a0\r\n",
        );
        assert_eq!(
            read(&info),
            Standing {
                version: (7, 0),
                is_replica: false,
                policy: "allkeys-lfu".to_owned(),
                has_past: true,
                followers: 3,
                places: vec!["10.0.0.2:7001".to_owned(), "[::1]:7002".to_owned()],
                serves_reads: true,
            }
        );
        let info = Info::parse(
            b"redis_version:2.8.17\r\nrole:slave\r\nmaster_replid2:0000\r\nkeyspace_hits:0\r\n",
        );
        let expected = Standing {
            version: (2, 8),
            is_replica: true,
            ..Standing::default()
        };
        assert_eq!(read(&info), expected);
    }
}
