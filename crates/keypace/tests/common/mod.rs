//! What the tests share: a keyspace on the simulator, a keyspace on a real server, and a sweep driven to its end.
#![expect(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;

use keypace::{
    ConnectOptions, Consent, DeleteOptions, Dial, Dialing, Event, Key, Keyspace, Pattern, Result,
    ScanOptions, Step, Stream, Summary, Sweep, SweepOptions, Target, plan_delete_unseen,
};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions};
use keypace_testkit::Sim;

/// Dials into the simulator's memory.
pub(crate) struct SimDial(pub(crate) Sim);

impl std::fmt::Debug for SimDial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimDial")
    }
}

impl Dial for SimDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { Ok(Box::new(self.0.connect()) as Box<dyn Stream>) })
    }

    fn name(&self) -> String {
        "sim:6379".to_owned()
    }
}

/// Keys below `session:` in `seeded`.
pub(crate) const KEYS: u64 = 5_000;

/// A simulator with `KEYS` sessions and a thousand other keys.
pub(crate) fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..KEYS);
    sim.insert_strings("other:", 0..1000);
    sim
}

/// How many keys with this prefix are there.
pub(crate) fn left(sim: &Sim, prefix: &str) -> usize {
    let keys = sim.keys(0);
    keys.iter()
        .filter(|key| key.starts_with(prefix.as_bytes()))
        .count()
}

pub(crate) fn target() -> Target {
    Target::parse("redis://sim").expect("valid")
}

pub(crate) async fn on(sim: &Sim) -> Keyspace {
    try_on(sim, target(), ConnectOptions::default())
        .await
        .expect("the simulator answers")
}

pub(crate) async fn try_on(sim: &Sim, target: Target, options: ConnectOptions) -> Result<Keyspace> {
    Keyspace::connect_through(Arc::new(SimDial(sim.clone())), target, options).await
}

pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::new(text.to_owned()).expect("a valid pattern")
}

pub(crate) fn scan(text: &str) -> ScanOptions {
    ScanOptions::new(vec![pattern(text)]).expect("valid")
}

pub(crate) fn sweep(text: &str) -> SweepOptions {
    SweepOptions::new(scan(text))
}

/// Every key of a walk, in the order of arrival; a restart begins anew.
pub(crate) async fn all_keys(keyspace: &Keyspace, options: ScanOptions) -> Result<Vec<Vec<u8>>> {
    let mut pages = keypace::Pages::new(keyspace, options);
    let mut keys = Vec::new();
    while let Some(step) = pages.next().await? {
        match step {
            Step::Page(page) => keys.extend(page.keys().iter().map(|key| key.as_bytes().to_vec())),
            Step::Restarted => keys.clear(),
            _ => unreachable!("there are two steps"),
        }
    }
    Ok(keys)
}

pub(crate) async fn sorted_keys(keyspace: &Keyspace, options: ScanOptions) -> Vec<Vec<u8>> {
    let mut keys = all_keys(keyspace, options).await.expect("walked");
    keys.sort();
    keys.dedup();
    keys
}

/// Drives a sweep to its end.
pub(crate) async fn finish(mut sweep: Sweep) -> Summary {
    while sweep.next().await.is_some() {}
    check(&sweep.summary());
    sweep.summary()
}

/// Drives a listing to its end.
pub(crate) async fn list(mut sweep: Sweep) -> (Vec<Key>, Summary) {
    let mut keys = Vec::new();
    while let Some(event) = sweep.next().await {
        if let Event::Page(page) = event {
            keys.extend(page.into_keys());
        }
    }
    check(&sweep.summary());
    (keys, sweep.summary())
}

pub(crate) async fn deleting(keyspace: &Keyspace, options: &SweepOptions) -> Sweep {
    deleting_with(keyspace, options, DeleteOptions::default()).await
}

pub(crate) async fn deleting_with(
    keyspace: &Keyspace,
    options: &SweepOptions,
    delete: DeleteOptions,
) -> Sweep {
    let plan = plan_delete_unseen(keyspace, options)
        .await
        .expect("planned");
    let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
    Sweep::delete(keyspace, options.clone(), delete, confirmed)
        .await
        .expect("started")
}

/// The sums that callers may rely on.
pub(crate) fn check(summary: &Summary) {
    let s = summary;
    if s.dry_run {
        assert_eq!(s.matched, s.would_delete + s.skipped, "{s:?}");
    } else if s.command == "delete" {
        assert_eq!(
            s.matched,
            s.deleted + s.already_gone + s.skipped + s.failed + s.unknown,
            "{s:?}"
        );
    }
    assert_eq!(
        s.by_pattern.iter().map(|p| p.matched).sum::<u64>(),
        s.matched,
        "{s:?}"
    );
    assert_eq!(
        s.by_pattern.iter().map(|p| p.deleted).sum::<u64>(),
        s.deleted,
        "{s:?}"
    );
}

/// A private server of each program that is here. Fails where there is none: nothing is skipped silently.
pub(crate) fn servers() -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program found: {}",
        Program::find().expect_err("none")
    );
    programs
        .iter()
        .map(|program| OwnedServer::start(program, ServerOptions::default()).expect("started"))
        .collect()
}

pub(crate) async fn connect(server: &OwnedServer) -> Keyspace {
    let target = Target::parse(&server.url()).expect("valid");
    Keyspace::connect(target, ConnectOptions::default())
        .await
        .expect("connected")
}

pub(crate) fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

/// Runs commands, each checked.
pub(crate) fn run(raw: &mut Raw, commands: &[&[&[u8]]]) {
    for command in commands {
        raw.command(command)
            .and_then(keypace_lab::Value::checked)
            .expect("accepted");
    }
}

/// A small generator whose seed is printed where a test fails.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("KEYPACE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(1, |t| t.as_nanos() as u64)
        });
        println!("KEYPACE_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
