//! The way to each node that was there at the start: a proxy that can cut, delay and hang what goes through it. keypace is
//! told of them as of any tunnel, by an address map; the nodes and the checks don't go through them.
//! Must not decide when anything is harmed.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use keypace_lab::{Endpoint, OwnedCluster};
use keypace_testkit::{Fault, FaultProxy, FaultRule};
use tokio::runtime::Runtime;

use crate::failure::{Failure, Outcome};

/// Between two cuts of one fault: long enough to connect again, and to be cut in the middle of something.
const BETWEEN_CUTS: Duration = Duration::from_millis(150);

/// All of them, by the node's index.
#[derive(Debug)]
pub(super) struct Proxies {
    // Before the runtime: they end in it.
    proxies: BTreeMap<usize, FaultProxy>,
    /// From where a node says that it is to its proxy.
    map: BTreeMap<String, String>,
    _runtime: Runtime,
}

impl Proxies {
    pub(super) fn start(cluster: &OwnedCluster) -> Outcome<Self> {
        let failed =
            |error: std::io::Error| Failure::new(format!("failed to start the proxies: {error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(failed)?;
        let (mut proxies, mut map) = (BTreeMap::new(), BTreeMap::new());
        for node in cluster.nodes() {
            let Endpoint::Tcp(address) = node.endpoint else {
                continue;
            };
            let proxy = runtime
                .block_on(FaultProxy::start(address))
                .map_err(failed)?;
            map.insert(address.to_string(), proxy.addr().to_string());
            proxies.insert(node.index, proxy);
        }
        Ok(Self {
            proxies,
            map,
            _runtime: runtime,
        })
    }

    /// From `host:port` of a node to that of its proxy.
    pub(super) fn map(&self) -> &BTreeMap<String, String> {
        &self.map
    }

    /// The same as a table of a config, behind `name`.
    pub(super) fn table(&self, name: &str) -> String {
        let lines = self
            .map
            .iter()
            .map(|(from, to)| format!("{from:?} = {to:?}\n"));
        format!("[{name}]\n{}", lines.collect::<String>())
    }

    /// Where a node is for who goes through a proxy: a node that joined later has none.
    pub(super) fn url(&self, url: &str) -> String {
        let place = url.strip_prefix("redis://").unwrap_or(url);
        self.map
            .get(place)
            .map_or_else(|| url.to_owned(), |to| format!("redis://{to}"))
    }

    /// Resets all connections to a node, several times.
    pub(super) fn cut(&self, node: usize, times: u64) {
        let Some(proxy) = self.proxies.get(&node) else {
            return;
        };
        for _ in 0..times {
            proxy.cut_all();
            thread::sleep(BETWEEN_CUTS);
        }
    }

    /// Every piece of a reply takes so much longer, for a while; then the slow connections are reset.
    pub(super) fn delay(&self, node: usize, by: Duration, held_for: Duration) {
        let Some(proxy) = self.proxies.get(&node) else {
            return;
        };
        proxy.script(FaultRule::new(Fault::DelayChunks(by)));
        thread::sleep(held_for);
        proxy.clear_rules();
        proxy.cut_all();
    }

    /// Connections that are open or made meanwhile bring nothing more, and stay open until the client has had enough.
    pub(super) fn hang(&self, node: usize, held_for: Duration) {
        let Some(proxy) = self.proxies.get(&node) else {
            return;
        };
        proxy.script(FaultRule::new(Fault::Stall));
        thread::sleep(held_for);
        proxy.clear_rules();
    }

    /// Connections that are open now.
    pub(super) fn open(&self) -> usize {
        self.proxies
            .values()
            .map(FaultProxy::open_connections)
            .sum()
    }

    /// Connections that were ever made.
    pub(super) fn made(&self) -> u64 {
        self.proxies.values().map(FaultProxy::connections).sum()
    }
}
