//! A replica behind a slow link while keypace deletes: how far it falls behind, and whether it stays attached.
//! Must not take keypace's word for the lag: the primary is asked from outside.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{Endpoint, Listen, OwnedServer, Raw, ServerOptions, seed};
use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict};
use super::process;
use super::promise::MILLISECOND;
use super::relay::Relay;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};

/// Names this long make a replication stream of some 100 MiB out of half a million deletes.
const NAME_BYTES: usize = 200;
const NAME_PREFIX: &[u8] = b"session:";
/// Small: the names are what the stream is made of.
const VALUE_BYTES: usize = 8;
/// The whole stream takes half a minute at this rate, and a primary makes it in two seconds.
const LINK_BYTES_PER_S: u64 = 4 << 20;
/// The library's own threshold, `REPLICA_LAG_MAX_BYTES`; xtask doesn't import it.
const LAG_LIMIT_BYTES: f64 = (32 << 20) as f64;
const SAMPLE_PAUSE: Duration = Duration::from_millis(100);
/// The first synchronisation is that of an empty keyspace, and the seeding goes over a fast link.
const ATTACH_PATIENCE: Duration = Duration::from_secs(60);

/// What was seen from outside.
#[derive(Debug, Default)]
struct Lag {
    largest_bytes: u64,
    samples: u64,
    /// How often no replica was attached and in step.
    detached: u64,
}

/// The row of one run: it takes half a minute, and a bound is judged, not a speed.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let options = || {
        ServerOptions::default()
            .with_listen(Listen::Tcp)
            .with_arg("repl-diskless-sync-delay", "0")
    };
    let primary = OwnedServer::start(setting.program, options())?;
    let replica = OwnedServer::start(setting.program, options())?;
    let relay = Relay::start(address(primary.endpoint())?)?;
    let mut raw = Raw::connect(primary.endpoint())?;
    let port = relay.address().port().to_string();
    Raw::connect(replica.endpoint())?
        .command(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()])?
        .checked()?;
    await_in_step(&mut raw)?;
    let keys = setting.keys / 2;
    eprintln!("seeding {keys} keys, and their replica");
    let mut prefix = NAME_PREFIX.to_vec();
    prefix.resize(NAME_BYTES, b'x');
    prefix.push(b':');
    seed::strings(&mut raw, &prefix, 0..keys, VALUE_BYTES)?;
    await_in_step(&mut raw)?;

    relay.slow_down(LINK_BYTES_PER_S);
    let before = raw.info("")?;
    let mut lag = Lag::default();
    let mut sampler = Raw::connect(primary.endpoint())?;
    let command = setting.delete(&primary.url(), MILLISECOND.text);
    eprintln!("replica, one run");
    let ended = process::watched(command, &[0, 1], SAMPLE_PAUSE, |_| {
        lag.look(&sampler.info("replication")?);
        Ok(())
    })?;
    let after = raw.info("")?;
    let summary: Value = serde_json::from_slice(&ended.output)
        .map_err(|error| Failure::new(format!("failed to read a Summary: {error}")))?;
    let stream_bytes =
        number(&after, "master_repl_offset")? - number(&before, "master_repl_offset")?;
    let syncs = number(&after, "sync_full")? - number(&before, "sync_full")?;
    let round = json!({
        "wall_ms": (ended.wall.as_secs_f64() * 1e4).round() / 10.0, "stream_bytes": stream_bytes,
        "largest_lag_bytes": lag.largest_bytes, "samples": lag.samples, "detached": lag.detached,
        "full_syncs": syncs, "paused_replica_ms": summary["pace"]["paused_ms"]["replica"],
        "pace": summary["pace"],
    });
    for server in [replica, primary] {
        server.stop()?;
    }
    let is_attached = lag.detached == 0 && syncs == 0 && lag.samples > 0;
    let largest = lag.largest_bytes as f64;
    Ok(vec![
        Row::new("delete --budget 1ms, a replica behind 4 MiB/s")
            .with_field("keys", keys)
            .with_rounds(vec![round])
            .with_verdict(Verdict::at_most(
                "largest lag",
                largest,
                LAG_LIMIT_BYTES,
                Unit::Bytes,
            ))
            .with_verdict(Verdict::yes("complete", summary["complete"] == json!(true)))
            .with_verdict(Verdict::yes("the replica stayed attached", is_attached)),
    ])
}

impl Lag {
    fn look(&mut self, replication: &HashMap<String, String>) {
        self.samples += 1;
        match lag(replication) {
            Some(bytes) => self.largest_bytes = self.largest_bytes.max(bytes),
            None => self.detached += 1,
        }
    }
}

/// How far the first replica is behind what the primary has written, if one is attached and in step.
fn lag(replication: &HashMap<String, String>) -> Option<u64> {
    let slave = replication.get("slave0")?;
    let field = |name: &str| {
        slave
            .split(',')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    if field("state") != Some("online") {
        return None;
    }
    let written: u64 = replication.get("master_repl_offset")?.parse().ok()?;
    let taken: u64 = field("offset")?.parse().ok()?;
    Some(written.saturating_sub(taken))
}

fn await_in_step(raw: &mut Raw) -> Outcome {
    let begun = Instant::now();
    // Within one of the pings that a primary sends by itself.
    let is_in_step = |lag: u64| lag <= 100;
    while !lag(&raw.info("replication")?).is_some_and(is_in_step) {
        if begun.elapsed() > ATTACH_PATIENCE {
            return Err(Failure::new("the replica did not come in step"));
        }
        thread::sleep(SAMPLE_PAUSE);
    }
    Ok(())
}

fn address(endpoint: &Endpoint) -> Outcome<SocketAddr> {
    match endpoint {
        Endpoint::Tcp(address) => Ok(*address),
        Endpoint::Unix(_) => Err(Failure::new("a replica needs a port to follow")),
    }
}

fn number(info: &HashMap<String, String>, field: &str) -> Outcome<u64> {
    info.get(field)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::new(format!("INFO has no number {field}")))
}

#[cfg(test)]
mod tests {
    use super::lag;
    use std::collections::HashMap;

    fn lag_of(slave: &str) -> Option<u64> {
        let fields = [("master_repl_offset", "1000"), ("slave0", slave)];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
        lag(&HashMap::from(fields))
    }

    #[test]
    fn the_lag_is_that_of_a_replica_in_step() {
        assert_eq!(
            lag_of("ip=127.0.0.1,port=1,state=online,offset=400,lag=0"),
            Some(600)
        );
        assert_eq!(
            lag_of("ip=127.0.0.1,port=1,state=online,offset=1400,lag=0,type=replica"),
            Some(0)
        );
        assert_eq!(
            lag_of("ip=127.0.0.1,port=1,state=send_bulk,offset=0,lag=0"),
            None
        );
        assert_eq!(lag(&HashMap::new()), None);
    }
}
