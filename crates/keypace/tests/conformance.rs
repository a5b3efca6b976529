//! One suite against the simulator and every real server, so that the simulator can't drift from what it stands for.
//! Each check is told only how to reach a server and how to speak to it.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::{SimDial, all_keys, finish, pattern, scan, servers, sorted_keys, sweep};
use keypace::{
    ConnectOptions, Consent, Count, CountChoice, DeleteOptions, Dial, Dialing, Keyspace, Lanes,
    Pages, Protocol, ScanOptions, Step, Strategy, Stream, Sweep, SweepOptions, Target, collect,
    plan_delete_unseen,
};
use keypace_testkit::Sim;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server, whichever it is.
struct Subject {
    name: String,
    dial: Arc<dyn Dial>,
}

impl Subject {
    async fn keyspace(&self) -> Keyspace {
        self.keyspace_with(ConnectOptions::default()).await
    }

    async fn keyspace_with(&self, options: ConnectOptions) -> Keyspace {
        let target = Target::parse("redis://subject").expect("valid");
        Keyspace::connect_through(Arc::clone(&self.dial), target, options)
            .await
            .expect("connected")
    }

    /// Sends commands as they are, and reads until the server has answered a last PING.
    async fn run(&self, commands: &[Vec<Vec<u8>>]) {
        let mut stream = self.dial.dial().await.expect("connected");
        let mut out = Vec::new();
        let end: Vec<Vec<u8>> = vec![b"ECHO".to_vec(), b"the-last-reply".to_vec()];
        for command in commands.iter().chain([&end]) {
            out.extend(format!("*{}\r\n", command.len()).bytes());
            for arg in command {
                out.extend(format!("${}\r\n", arg.len()).bytes());
                out.extend(arg);
                out.extend(b"\r\n");
            }
        }
        let (mut reader, mut writer) = tokio::io::split(&mut stream);
        let write = async { writer.write_all(&out).await.expect("written") };
        let read = async {
            let mut seen = Vec::new();
            let mut chunk = vec![0; 65536];
            while !seen.ends_with(b"the-last-reply\r\n") {
                let got = reader.read(&mut chunk).await.expect("read");
                assert!(got > 0, "closed: {}", String::from_utf8_lossy(&seen));
                seen.extend(&chunk[..got]);
            }
            assert!(
                !seen.starts_with(b"-") && !seen.windows(3).any(|w| w == b"\n-E"),
                "{}",
                String::from_utf8_lossy(&seen)
            );
        };
        tokio::join!(write, read);
    }

    async fn set(&self, keys: impl Iterator<Item = Vec<u8>>) {
        let commands: Vec<_> = keys
            .map(|key| vec![b"SET".to_vec(), key, b"value".to_vec()])
            .collect();
        self.run(&commands).await;
    }
}

#[derive(Debug)]
struct SocketDial(std::path::PathBuf);

impl Dial for SocketDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            Ok(Box::new(tokio::net::UnixStream::connect(&self.0).await?) as Box<dyn Stream>)
        })
    }

    fn name(&self) -> String {
        "socket".to_owned()
    }
}

/// Runs a check against the simulator, and against each real server with a process of its own.
async fn on_each(check: impl AsyncFn(&Subject)) {
    check(&Subject {
        name: "simulator".to_owned(),
        dial: Arc::new(SimDial(Sim::new())),
    })
    .await;
    for server in servers() {
        let keypace_lab::Endpoint::Unix(path) = server.endpoint().clone() else {
            panic!("unix sockets are the default")
        };
        let subject = Subject {
            name: server.program().label(),
            dial: Arc::new(SocketDial(path)),
        };
        println!("on {}", subject.name);
        check(&subject).await;
        server.stop().expect("stopped");
    }
}

fn names(prefix: &str, numbers: std::ops::Range<u32>) -> impl Iterator<Item = Vec<u8>> {
    numbers.map(move |n| format!("{prefix}{n}").into_bytes())
}

#[tokio::test]
async fn walks_the_whole_with_any_count_and_protocol() {
    on_each(async |subject| {
        subject
            .set(names("a:", 0..3000).chain(names("b:", 0..700)))
            .await;
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let keyspace = subject
                .keyspace_with(ConnectOptions::default().with_protocol(protocol))
                .await;
            assert_eq!(keyspace.dbsize().await.expect("asked"), 3700);
            for count in [1, 10, 100, 1000, 100_000] {
                let options = scan("a:*").with_count(CountChoice::Fixed(Count::new(count)));
                let keys = sorted_keys(&keyspace, options).await;
                assert_eq!(
                    keys,
                    sorted(names("a:", 0..3000)),
                    "{} COUNT {count} {protocol:?}",
                    subject.name
                );
            }
        }
    })
    .await;
}

fn sorted(keys: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    keys.collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test]
async fn p20_any_bytes_are_a_name() {
    let odd: Vec<Vec<u8>> = [
        &b"odd: a b"[..],
        b"odd:\n\r\n",
        b"odd:\0",
        b"odd:\xff\xfe",
        b"odd:'\"\\",
        b"odd:*?[a]",
        b"odd:",
        b"odd:\x1b[31m",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    on_each(async |subject| {
        subject
            .set(odd.iter().cloned().chain(names("other:", 0..50)))
            .await;
        let keyspace = subject.keyspace().await;
        assert_eq!(
            sorted_keys(&keyspace, scan("odd:*")).await,
            sorted(odd.iter().cloned())
        );
        let literal = keypace::Pattern::literal(b"odd:*?[a]");
        let one = ScanOptions::new(vec![literal]).expect("valid");
        assert_eq!(
            sorted_keys(&keyspace, one).await,
            vec![b"odd:*?[a]".to_vec()]
        );
        let options = sweep("odd:*");
        let confirmed = plan_delete_unseen(&keyspace, &options)
            .await
            .expect("planned")
            .confirm(Consent::Scoped)
            .expect("scoped");
        let delete = Sweep::delete(&keyspace, options, DeleteOptions::default(), confirmed)
            .await
            .expect("started");
        let summary = finish(delete).await;
        assert_eq!(
            (summary.deleted, summary.complete),
            (odd.len() as u64, true),
            "{}",
            subject.name
        );
        assert_eq!(keyspace.dbsize().await.expect("asked"), 50);
    })
    .await;
}

#[tokio::test]
async fn filters_by_type_and_excludes() {
    on_each(async |subject| {
        let command = |words: &[&str]| {
            words
                .iter()
                .map(|w| w.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let mut commands = Vec::new();
        for n in 0..40 {
            commands.push(command(&["SET", &format!("k:s{n}"), "v"]));
            commands.push(command(&["RPUSH", &format!("k:l{n}"), "v"]));
            commands.push(command(&["HSET", &format!("k:h{n}"), "f", "v"]));
            commands.push(command(&["ZADD", &format!("k:z{n}"), "1", "v"]));
        }
        subject.run(&commands).await;
        let keyspace = subject.keyspace().await;
        for (types, expected) in [
            (vec!["string"], 40),
            (vec!["list", "zset"], 80),
            (vec!["hash", "set"], 40),
            (vec![], 160),
        ] {
            let types = types.into_iter().map(str::to_owned).collect::<Vec<_>>();
            for strategy in [Strategy::Scan, Strategy::Keys] {
                let options = scan("k:*")
                    .with_types(types.clone())
                    .expect("valid")
                    .with_strategy(strategy);
                assert_eq!(
                    sorted_keys(&keyspace, options).await.len(),
                    expected,
                    "{} {types:?} {strategy:?}",
                    subject.name
                );
            }
        }
        let excluded = scan("k:*")
            .with_exclude(vec![pattern("k:s*"), pattern("*1")])
            .expect("valid");
        assert_eq!(sorted_keys(&keyspace, excluded).await.len(), 120 - 12);
    })
    .await;
}

#[tokio::test]
async fn counts_dry_runs_and_deletes() {
    on_each(async |subject| {
        subject
            .set(
                names("session:", 0..2500)
                    .chain(names("cache:", 0..1500))
                    .chain(names("keep:", 0..100)),
            )
            .await;
        let keyspace = subject.keyspace().await;
        let both = SweepOptions::new(
            ScanOptions::new(vec![pattern("session:*"), pattern("cache:*")]).expect("valid"),
        );
        let counted = finish(
            Sweep::count(&keyspace, both.clone())
                .await
                .expect("started"),
        )
        .await;
        let dry = finish(
            Sweep::dry_run(&keyspace, both.clone(), DeleteOptions::default())
                .await
                .expect("started"),
        )
        .await;
        assert_eq!(
            (counted.matched, dry.would_delete),
            (4000, 4000),
            "{}",
            subject.name
        );
        let confirmed = plan_delete_unseen(&keyspace, &both)
            .await
            .expect("planned")
            .confirm(Consent::Scoped)
            .expect("scoped");
        let deleted = finish(
            Sweep::delete(&keyspace, both, DeleteOptions::default(), confirmed)
                .await
                .expect("started"),
        )
        .await;
        let by_pattern: Vec<u64> = deleted.by_pattern.iter().map(|p| p.deleted).collect();
        assert_eq!(
            (deleted.deleted, deleted.complete, by_pattern),
            (4000, true, vec![2500, 1500]),
            "{}",
            subject.name
        );
        assert_eq!(
            all_keys(&keyspace, scan("*")).await.expect("walked").len(),
            100
        );
    })
    .await;
}

#[tokio::test]
async fn p22_keys_that_had_expired_are_not_counted_as_deleted() {
    on_each(async |subject| {
        let past = |n: u32| {
            let key = format!("k:{n}").into_bytes();
            vec![b"PEXPIRE".to_vec(), key, b"1".to_vec()]
        };
        subject.set(names("k:", 0..100)).await;
        subject.run(&(0..30).map(past).collect::<Vec<_>>()).await;
        let keyspace = subject.keyspace().await;
        let options = sweep("k:*");
        let confirmed = plan_delete_unseen(&keyspace, &options)
            .await
            .expect("planned")
            .confirm(Consent::Scoped)
            .expect("scoped");
        let summary = finish(
            Sweep::delete(&keyspace, options, DeleteOptions::default(), confirmed)
                .await
                .expect("started"),
        )
        .await;
        // Whether SCAN removed an expired key, or gave it and UNLINK found it gone, is the server's affair.
        assert!(
            summary.complete && summary.deleted <= 100 && summary.deleted >= 70,
            "{} {summary:?}",
            subject.name
        );
        assert_eq!(keyspace.dbsize().await.expect("asked"), 0);
    })
    .await;
}

#[tokio::test]
async fn collecting_by_scan_and_by_keys_is_the_same() {
    on_each(async |subject| {
        let mut random = common::Random::seeded();
        for round in 0..5 {
            let alphabet = b"ab:*[\\]?\xff\n";
            let size = 50 + random.below(200);
            let keys: BTreeSet<Vec<u8>> = (0..size)
                .map(|_| {
                    (0..random.below(6))
                        .map(|_| alphabet[random.below(alphabet.len() as u64) as usize])
                        .collect()
                })
                .collect();
            subject.run(&[vec![b"FLUSHDB".to_vec()]]).await;
            subject.set(keys.iter().cloned()).await;
            let keyspace = subject.keyspace().await;
            for _ in 0..20 {
                let text: Vec<u8> = (0..=random.below(5))
                    .map(|_| alphabet[random.below(alphabet.len() as u64) as usize])
                    .collect();
                let Ok(pattern) = keypace::Pattern::new(text) else {
                    continue;
                };
                let options = ScanOptions::new(vec![pattern.clone()]).expect("valid");
                let by_scan = collect(&keyspace, options.clone())
                    .await
                    .expect("collected");
                let by_keys = collect(&keyspace, options.with_strategy(Strategy::Keys))
                    .await
                    .expect("collected");
                assert_eq!(by_scan, by_keys, "{} round {round} {pattern}", subject.name);
                let here = keys.iter().filter(|key| pattern.matches(key)).count();
                assert_eq!(
                    by_scan.keys.len(),
                    here,
                    "{} round {round} {pattern}",
                    subject.name
                );
            }
        }
    })
    .await;
}

/// Walks in lanes while other keys come and go between the pages. Gives the names found, how often the walk began again, and
/// in how many lanes it was.
async fn walked_in_lanes(
    subject: &Subject,
    keyspace: &Keyspace,
    lanes: u32,
    random: &mut common::Random,
) -> (BTreeSet<Vec<u8>>, u64, u32) {
    /// Enough that the table doubles and halves under a walk of 1,500 keys.
    const GROUPS: u32 = 12;
    const GROUP: u32 = 400;
    let count = 10 + i64::try_from(random.below(60)).expect("small");
    let options = scan("stable:*")
        .with_count(CountChoice::Fixed(Count::new(count)))
        .with_lanes(Lanes::Fixed(lanes));
    let mut pages = Pages::new(keyspace, options);
    let mut found = BTreeSet::new();
    let mut come = 0;
    let mut gone = 0;
    while let Some(step) = pages.next().await.expect("walks") {
        if let Step::Page(page) = step {
            found.extend(page.keys().iter().map(|key| key.as_bytes().to_vec()));
        }
        let group = |number: u32| names("other:", number * GROUP..(number + 1) * GROUP);
        if come < GROUPS {
            subject.set(group(come)).await;
            come += 1;
        } else if gone < GROUPS {
            let keys = group(gone).map(|key| vec![b"DEL".to_vec(), key]);
            subject.run(&keys.collect::<Vec<_>>()).await;
            gone += 1;
        }
    }
    assert!(gone > 0, "{}: the table shrank too", subject.name);
    (found, pages.restarts(), pages.lanes())
}

/// The short form of `lanes_live`: what `scan/lanes.rs` believes of cursors holds on every server that is here. One on which
/// this fails takes no lanes for deletes.
#[tokio::test]
async fn p05_lanes_give_every_stable_key_while_a_table_grows_and_shrinks() {
    const STABLE: u32 = 1_500;
    on_each(async |subject| {
        let mut random = common::Random::seeded();
        subject.set(names("stable:", 0..STABLE)).await;
        let keyspace = subject.keyspace().await;
        for lanes in [2, 4, 16, 64] {
            for _ in 0..2 {
                let seed = random.next();
                let mut walk = common::Random(seed);
                let (found, restarts, walked) =
                    walked_in_lanes(subject, &keyspace, lanes, &mut walk).await;
                let missing = STABLE as usize - found.len();
                let what = format!("{} seed {seed}, {lanes} lanes", subject.name);
                assert_eq!(missing, 0, "{what}");
                // A page may be longer than a part of so few keys, which begins the walk again in one lane.
                if lanes <= 16 {
                    assert_eq!((restarts, walked), (0, lanes), "{what}");
                }
            }
        }
    })
    .await;
}
