//! A replica that takes over at the same address while idle times decide what is deleted: reads are not replicated, so
//! a key that was read on the primary looks idle there, and stays. Harms nothing but servers of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keypace::{
    BackupTarget, ConnectOptions, DeleteOptions, Dial, Dialing, ErrorKind, Filters, Keyspace,
    Stream, Sweep, SweepOptions, Target,
};
use keypace_lab::{Endpoint, Listen, OwnedServer, Program, Raw, ServerOptions, Value};
use tempfile::TempDir;

use crate::LONGEST;
use crate::common::{deleting_with, raw, run, sweep};

const KEYS: i64 = 20;
const READ: &str = "k:7";

/// One address, which leads to the first server and later to the second.
#[derive(Debug)]
struct Switch {
    places: [String; 2],
    has_switched: Arc<AtomicBool>,
}

impl Dial for Switch {
    fn dial(&self) -> Dialing<'_> {
        let place = &self.places[usize::from(self.has_switched.load(Ordering::SeqCst))];
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(place).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn name(&self) -> String {
        "service:6379".to_owned()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        let place = format!("{host}:{port}");
        Some(Arc::new(Self {
            places: [place.clone(), place],
            has_switched: Arc::default(),
        }))
    }
}

/// A primary with keys that have lain idle for long, its replica, and the address that leads to one of them.
struct Pair {
    primary: OwnedServer,
    replica: OwnedServer,
    has_switched: Arc<AtomicBool>,
    keyspace: Keyspace,
    folder: TempDir,
}

fn started(program: &Program, name: &str, values: &[&str]) -> (OwnedServer, u16) {
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let options = options.with_args(name, values.iter().copied());
    let server = OwnedServer::start(program, options).expect("started");
    let Endpoint::Tcp(address) = server.endpoint() else {
        panic!("it listens on TCP");
    };
    let port = address.port();
    (server, port)
}

/// Asks until it is so. Each question is a round trip, so that the server has time between them.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONGEST, "{what}");
        tokio::task::yield_now().await;
    }
}

fn age(raw: &mut Raw, key: &str) {
    let key = key.as_bytes();
    run(raw, &[&[b"SET", key, b"some text"]]);
    let dump = raw.command(&[b"DUMP", key]).expect("answered");
    let dump = dump.bytes().expect("a value");
    run(
        raw,
        &[&[
            b"RESTORE",
            key,
            b"0",
            dump,
            b"REPLACE",
            b"IDLETIME",
            b"100000",
        ]],
    );
}

impl Pair {
    async fn of(program: &Program) -> Self {
        let (primary, port) = started(program, "repl-diskless-sync-delay", &["0"]);
        let (replica, second) = started(program, "replicaof", &["127.0.0.1", &port.to_string()]);
        let mut theirs = raw(&replica);
        until("the replica follows", || {
            theirs.info("replication").expect("told")["master_link_status"] == "up"
        })
        .await;
        let mut ours = raw(&primary);
        for n in 0..KEYS {
            age(&mut ours, &format!("k:{n}"));
        }
        until("the keys arrive", || {
            theirs.command(&[b"DBSIZE"]).expect("answered").int() == Some(KEYS)
        })
        .await;
        let has_switched = Arc::new(AtomicBool::new(false));
        let dial = Switch {
            places: [port, second].map(|port| format!("127.0.0.1:{port}")),
            has_switched: Arc::clone(&has_switched),
        };
        let target = Target::parse("redis://service").expect("valid");
        let options = ConnectOptions::default();
        let keyspace = Keyspace::connect_through(Arc::new(dial), target, options).await;
        Self {
            primary,
            replica,
            has_switched,
            keyspace: keyspace.expect("connected"),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Whether looking at a key may leave its idle time alone, without which no backed delete goes by it.
    fn can_back_up(&self) -> bool {
        let asked = raw(&self.primary).command(&[b"CLIENT", b"NO-TOUCH", b"ON"]);
        asked.and_then(Value::checked).is_ok()
    }

    /// A delete that has handed on its first page.
    async fn deleting(&self, is_backed: bool) -> Sweep {
        let filters = Filters::default().with_idle_over(Duration::from_secs(3600));
        let mut options: SweepOptions = sweep("k:*").with_filters(filters.expect("valid"));
        if is_backed {
            options = options.with_backup(BackupTarget::new(self.folder.path().join("backup")));
        }
        let mut sweep = deleting_with(&self.keyspace, &options, DeleteOptions::default()).await;
        assert!(sweep.next().await.is_some(), "a first page");
        sweep
    }

    /// An application reads a key; then the primary dies, and its replica serves the address.
    fn fail_over(&mut self) {
        run(&mut raw(&self.primary), &[&[b"GET", READ.as_bytes()]]);
        run(&mut raw(&self.replica), &[&[b"REPLICAOF", b"NO", b"ONE"]]);
        self.has_switched.store(true, Ordering::SeqCst);
        self.primary.kill().expect("killed");
    }

    fn expect_kept(&self, sweep: &Sweep, case: &str) {
        let mut raw = raw(&self.replica);
        let there = raw.command(&[b"EXISTS", READ.as_bytes()]).expect("told");
        let summary = sweep.summary();
        let error = sweep.error();
        let case = format!("{case}: {error:?} {summary:?}");
        assert_eq!(there.int(), Some(1), "{case}");
        assert!(!summary.complete, "{case}");
        assert_eq!(
            error.map(|error| error.kind()),
            Some(ErrorKind::Guard),
            "{case}"
        );
    }
}

/// Calls `ends` for each program, and with a backup where idle times allow one.
async fn each_pair(ends: impl AsyncFn(&mut Pair, Sweep) -> Sweep) {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    for program in programs {
        for is_backed in [false, true] {
            let mut pair = Pair::of(&program).await;
            if is_backed && !pair.can_back_up() {
                continue;
            }
            let sweep = pair.deleting(is_backed).await;
            let ended = tokio::time::timeout(LONGEST, ends(&mut pair, sweep)).await;
            let case = format!("{} backed {is_backed}", program.label());
            pair.expect_kept(&ended.expect("no hang"), &case);
        }
    }
}

async fn driven(mut sweep: Sweep) -> Sweep {
    while sweep.next().await.is_some() {}
    sweep
}

#[tokio::test]
async fn a_key_read_before_a_failover_stays_though_its_delete_was_on_the_way() {
    each_pair(async |pair, sweep| {
        let mut ours = raw(&pair.primary);
        run(&mut ours, &[&[b"CLIENT", b"PAUSE", b"60000", b"WRITE"]]);
        let task = tokio::spawn(driven(sweep));
        until("a delete is on its way", || {
            ours.info("clients").expect("told")["blocked_clients"] != "0"
        })
        .await;
        pair.fail_over();
        task.await.expect("no panic")
    })
    .await;
}

#[tokio::test]
async fn a_key_read_before_a_failover_stays_where_the_run_is_stopped_after_it() {
    each_pair(async |pair, sweep| {
        pair.fail_over();
        sweep.stop_handle().stop();
        driven(sweep).await
    })
    .await;
}
