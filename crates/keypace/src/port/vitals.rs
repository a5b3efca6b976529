//! What a server says of itself, read from INFO: replicas, freeing, memory, saves. Asks nothing, judges nothing.

use super::info::Info;
use crate::pace::Vitals;

/// The part of INFO that the pace looks at. What a server doesn't say is absent.
pub(super) fn vitals(info: &Info) -> Vitals {
    let number = |name: &str| info.get(name).and_then(|value| value.parse::<u64>().ok());
    let is_set = |name: &str| number(name).is_some_and(|value| value != 0);
    Vitals {
        replica_lag_bytes: replica_lag(info),
        // 4.0 to 6.2 count what is held for each replica, later ones what all of them share.
        replica_buffer_bytes: number("mem_clients_slaves").filter(|_| has_replicas(info)),
        lazyfree_pending: number("lazyfree_pending_objects"),
        used_memory_bytes: number("used_memory"),
        max_memory_bytes: number("maxmemory").filter(|most| *most > 0),
        expired_stale_percent: info
            .get("expired_stale_perc")
            .and_then(|value| value.parse::<f64>().ok())
            .map(|percent| percent.clamp(0.0, 100.0) as u64),
        is_saving: is_set("rdb_bgsave_in_progress")
            || is_set("aof_rewrite_in_progress")
            || is_set("bgsave_in_progress"),
        is_loading: is_set("loading"),
    }
}

fn has_replicas(info: &Info) -> bool {
    info.get("connected_slaves")
        .is_some_and(|number| number != "0")
}

/// How far the slowest replica is behind that has the dataset and follows: `slave0:ip=...,state=online,offset=...`.
/// One that is still being sent the dataset has its own buffer, and lags by nature.
fn replica_lag(info: &Info) -> Option<u64> {
    let written: u64 = info.get("master_repl_offset")?.parse().ok()?;
    let replicas: usize = info.get("connected_slaves")?.parse().ok()?;
    let lags = (0..replicas).filter_map(|n| {
        let fields = info.get(&format!("slave{n}"))?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let acknowledged: u64 = field("offset")?.parse().ok()?;
        (field("state") == Some("online")).then(|| written.saturating_sub(acknowledged))
    });
    lags.max()
}

#[cfg(test)]
mod tests {
    use super::super::info::Info;
    use super::vitals;
    use crate::pace::Vitals;

    #[test]
    fn p24_p25_reads_what_a_primary_says() {
        let info = Info::parse(
            b"# Memory\r\nused_memory:900\r\nmaxmemory:1000\r\nmem_clients_slaves:77\r\nlazyfree_pending_objects:3\r\n\
              # Persistence\r\nloading:0\r\nrdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:0\r\n\
              # Stats\r\nexpired_stale_perc:12.34\r\n\
              # Replication\r\nrole:master\r\nconnected_slaves:3\r\n\
              slave0:ip=127.0.0.1,port=1,state=online,offset=900,lag=0\r\n\
              slave1:ip=127.0.0.1,port=2,state=online,offset=400,lag=1\r\n\
              slave2:ip=127.0.0.1,port=3,state=wait_bgsave,offset=0,lag=0\r\nmaster_repl_offset:1000\r\n",
        );
        assert_eq!(
            vitals(&info),
            Vitals {
                replica_lag_bytes: Some(600),
                replica_buffer_bytes: Some(77),
                lazyfree_pending: Some(3),
                used_memory_bytes: Some(900),
                max_memory_bytes: Some(1000),
                expired_stale_percent: Some(12),
                is_saving: true,
                is_loading: false,
            }
        );
    }

    #[test]
    fn what_an_old_server_does_not_say_is_absent() {
        let info = Info::parse(b"redis_version:2.8.17\r\nused_memory:5\r\nmaxmemory:0\r\nconnected_slaves:0\r\nmaster_repl_offset:9\r\nloading:0\r\n");
        assert_eq!(
            vitals(&info),
            Vitals {
                used_memory_bytes: Some(5),
                ..Vitals::default()
            }
        );
    }
}
