//! A primary, its replica and three sentinels that watch them: owned servers, and failovers by order and by death.
//! Must not touch a server that it did not start.

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::program::Program;
use crate::raw::{Raw, Value};
use crate::server::OwnedServer;
use crate::visit::Visit;
use crate::wait::{NotYet, wait_until};

mod options;

pub use options::SentinelOptions;

/// A running Sentinel set, ready when `start` returns. All processes and folders go with this value, as an
/// [`OwnedServer`]'s do.
///
/// The data servers are named by their index: 0 is the primary at the start, 1 its replica.
#[derive(Debug)]
pub struct OwnedSentinels {
    options: SentinelOptions,
    servers: Vec<OwnedServer>,
    sentinels: Vec<OwnedServer>,
}

impl OwnedSentinels {
    /// Starts both servers and three sentinels of `program`, with a quorum of two, and returns once the sentinels
    /// know each other and see the replica attached: a second or two.
    ///
    /// # Errors
    /// As [`OwnedServer::start`]; `Timeout` where they don't find each other.
    pub fn start(program: &Program, options: SentinelOptions) -> Result<Self, LabError> {
        let start = |options| OwnedServer::start_steady(program, options);
        let mut set = Self {
            servers: vec![start(options.for_server())?, start(options.for_server())?],
            sentinels: Vec::new(),
            options,
        };
        let (host, port) = set.address(0)?;
        let mut replica = set.raw(1)?;
        replica.say(&[b"REPLICAOF", host.as_bytes(), port.to_string().as_bytes()])?;
        set.wait_until_attached(0)?;
        for _ in 0..limits::SENTINELS {
            let sentinel = start(set.options.for_sentinel(port))?;
            set.sentinels.push(sentinel);
            set.quicken(set.sentinels.len() - 1)?;
        }
        set.wait_until_settled()?;
        Ok(set)
    }

    /// The name that the sentinels know the primary by.
    #[must_use]
    pub fn master_name(&self) -> &str {
        &self.options.master_name
    }

    /// Where the sentinels listen.
    #[must_use]
    pub fn sentinel_endpoints(&self) -> Vec<Endpoint> {
        let sentinels = self.sentinels.iter();
        sentinels.map(|server| server.endpoint().clone()).collect()
    }

    /// The sentinels' processes, to freeze one.
    #[must_use]
    pub fn sentinels(&self) -> &[OwnedServer] {
        &self.sentinels
    }

    /// The data servers' processes.
    #[must_use]
    pub fn servers(&self) -> &[OwnedServer] {
        &self.servers
    }

    /// A connection to a data server, let in.
    ///
    /// # Errors
    /// As [`Raw::visit`].
    pub fn raw(&self, server: usize) -> Result<Raw, LabError> {
        enter(&self.servers[server], self.options.data_password.as_deref())
    }

    /// A connection to a sentinel, let in.
    ///
    /// # Errors
    /// As [`Raw::visit`].
    pub fn raw_sentinel(&self, sentinel: usize) -> Result<Raw, LabError> {
        enter(
            &self.sentinels[sentinel],
            self.options.sentinel_password.as_deref(),
        )
    }

    /// The data server that the first sentinel names as the primary.
    ///
    /// # Errors
    /// As [`Raw::command`]; `Reply` where it names a server that is not ours.
    pub fn primary(&self) -> Result<usize, LabError> {
        self.named_by(0)
    }

    /// Has the sentinels promote the replica (`SENTINEL FAILOVER`), and names the new primary once all of them name
    /// it and it says so. The old one still calls itself a primary then: the sentinels demote it a little later, which
    /// `wait_until_settled` waits for.
    ///
    /// # Errors
    /// `Refused` where the sentinels won't, `Timeout` where they don't come to it.
    pub fn fail_over(&self) -> Result<usize, LabError> {
        let old = self.primary()?;
        let name = self.options.master_name.as_bytes();
        self.raw_sentinel(0)?
            .say(&[b"SENTINEL", b"FAILOVER", name])?;
        self.wait_for_another(old)
    }

    /// Kills the primary (SIGKILL), and names the new one once all sentinels name it and it says so.
    ///
    /// # Errors
    /// `System` where it can't be killed, `Timeout` where nobody is promoted.
    pub fn kill_primary(&mut self) -> Result<usize, LabError> {
        let old = self.primary()?;
        self.servers[old].kill()?;
        self.wait_for_another(old)
    }

    /// Starts a dead server again, empty; it still calls itself a primary until the sentinels make it a replica.
    ///
    /// # Errors
    /// As [`OwnedServer::restart`].
    pub fn restart(&mut self, server: usize) -> Result<(), LabError> {
        self.servers[server].restart()
    }

    /// Waits until all sentinels name the same primary, know each other, and see the other server attached to it.
    /// Both must be running.
    ///
    /// # Errors
    /// `Timeout`, with what was missing.
    pub fn wait_until_settled(&self) -> Result<(), LabError> {
        let primary = wait_until("see the sentinels agree", limits::AGREE_PATIENCE, || {
            self.agreed().and_then(|primary| {
                for sentinel in 0..self.sentinels.len() {
                    self.check_sentinel(sentinel)?;
                }
                Ok(primary)
            })
        })?;
        self.wait_until_attached(primary)
    }

    /// Ends all processes and removes their folders. `Drop` does the same and can't say that it failed.
    ///
    /// # Errors
    /// `System` where a process can't be killed; the others are killed all the same.
    pub fn stop(self) -> Result<(), LabError> {
        // The sentinels first, so that none of them reacts to the end of the others.
        let all = self.sentinels.into_iter().chain(self.servers);
        let stopped: Vec<_> = all.map(OwnedServer::stop).collect();
        stopped.into_iter().collect()
    }

    fn wait_for_another(&self, old: usize) -> Result<usize, LabError> {
        wait_until(
            "see another primary named and promoted",
            limits::AGREE_PATIENCE,
            || {
                let primary = self.agreed()?;
                if primary == old {
                    return Err("the sentinels still name the old one".into());
                }
                match self.raw(primary)?.info("replication")?["role"].as_str() {
                    "master" => Ok(primary),
                    role => Err(format!("it still is a {role}").into()),
                }
            },
        )
    }

    /// The primary, if all sentinels name the same.
    fn agreed(&self) -> Result<usize, NotYet> {
        let primary = self.named_by(0)?;
        for sentinel in 1..self.sentinels.len() {
            if self.named_by(sentinel)? != primary {
                return Err(format!("sentinels 0 and {sentinel} disagree").into());
            }
        }
        Ok(primary)
    }

    fn named_by(&self, sentinel: usize) -> Result<usize, LabError> {
        let name = self.options.master_name.as_bytes();
        let words: [&[u8]; 3] = [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name];
        let reply = self.raw_sentinel(sentinel)?.command(&words)?.checked()?;
        let text =
            |item: &Value| String::from_utf8_lossy(item.bytes().unwrap_or_default()).into_owned();
        let named: Vec<String> = reply.items().unwrap_or_default().iter().map(text).collect();
        let url = format!("redis://{}", named.join(":"));
        let ours = self.servers.iter().position(|server| server.url() == url);
        ours.ok_or_else(|| {
            LabError::new(
                LabErrorKind::Reply,
                format!("find {url}, which sentinel {sentinel} names, among the data servers"),
            )
        })
    }

    /// Whether a sentinel knows the others and a replica whose link is up: only then can it order a failover.
    fn check_sentinel(&self, sentinel: usize) -> Result<(), NotYet> {
        let name = self.options.master_name.as_bytes();
        let mut raw = self.raw_sentinel(sentinel)?;
        let master = raw.command(&[b"SENTINEL", b"MASTER", name])?.checked()?;
        let others = field(&master, "num-other-sentinels").unwrap_or_default();
        if others != (limits::SENTINELS - 1).to_string() {
            return Err(format!("sentinel {sentinel} knows {others} others").into());
        }
        let replicas = raw.command(&[b"SENTINEL", b"REPLICAS", name])?.checked()?;
        let replicas = replicas.items().unwrap_or_default();
        let is_linked = |replica: &Value| {
            field(replica, "master-link-status").as_deref() == Some("ok")
                && field(replica, "flags").as_deref() == Some("slave")
        };
        if replicas.len() != 1 || !replicas.iter().all(is_linked) {
            return Err(format!("sentinel {sentinel} sees no replica with its link up").into());
        }
        Ok(())
    }

    fn wait_until_attached(&self, primary: usize) -> Result<(), LabError> {
        let replica = 1 - primary;
        let mut written = None;
        wait_until("see the replica in step", limits::AGREE_PATIENCE, || {
            let offset = |server: usize, field: &str| -> Result<u64, NotYet> {
                Ok(self.raw(server)?.info("replication")?[field].parse()?)
            };
            let written = match written {
                Some(written) => written,
                None => *written.insert(offset(primary, "master_repl_offset")?),
            };
            let info = self.raw(replica)?.info("replication")?;
            if info.get("master_link_status").map(String::as_str) != Some("up") {
                return Err("its link is down".into());
            }
            // The link may be up before the first byte of the stream has come: what was written until now must be there.
            match offset(replica, "slave_repl_offset")? {
                read if read >= written => Ok(()),
                read => Err(format!("it is at {read} of {written}").into()),
            }
        })
    }

    /// Has a sentinel look and tell more often than by itself, where it can be told so (from 7.0).
    fn quicken(&self, sentinel: usize) -> Result<(), LabError> {
        let info = limits::SENTINEL_INFO_PERIOD_MS.to_string();
        let hello = limits::SENTINEL_HELLO_PERIOD_MS.to_string();
        let mut raw = self.raw_sentinel(sentinel)?;
        // An older one refuses, and everything takes its own time.
        raw.command(&[
            b"SENTINEL",
            b"DEBUG",
            b"info-period",
            info.as_bytes(),
            b"publish-period",
            hello.as_bytes(),
        ])
        .map(|_| ())
    }

    fn address(&self, server: usize) -> Result<(String, u16), LabError> {
        match self.servers[server].endpoint() {
            Endpoint::Tcp(address) => Ok((address.ip().to_string(), address.port())),
            Endpoint::Unix(path) => Err(LabError::new(
                LabErrorKind::Address,
                format!("have sentinels watch {}", path.display()),
            )),
        }
    }
}

fn enter(server: &OwnedServer, password: Option<&str>) -> Result<Raw, LabError> {
    let visit = Visit::from(server.endpoint());
    match password {
        Some(password) => Raw::visit(&visit.with_password(password)),
        None => Raw::visit(&visit),
    }
}

/// A field of a flat list of names and values.
fn field(reply: &Value, name: &str) -> Option<String> {
    let items = reply.items()?;
    let pair = items
        .chunks(2)
        .find(|pair| pair[0].bytes() == Some(name.as_bytes()))?;
    let value = pair.get(1)?.bytes()?;
    Some(String::from_utf8_lossy(value).into_owned())
}
