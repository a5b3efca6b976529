//! Connections that are cut at random points of a backed delete: in the middle of a reply, between an EXEC and its answer,
//! and for good. The run goes on by itself or by its checkpoint. Decides nothing about any other fault.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use keypace_lab::seed::SplitMix64;
use keypace_lab::{OwnedServer, Program, Raw};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

use crate::common::copies::{
    Found, KEYS, LOOK_PAUSE, OTHERS, Spare, Told, backed, below, dbsize, ended, expect_same, fill,
    judge, programs, random, raw, server, sessions, started, told,
};
use crate::common::{Home, Ran};

/// Over all programs.
const TRIALS: usize = 50;
/// What one connection's replies come to in a whole run, about: four carry the values.
const REPLY_BYTES: u64 = 400_000;
/// What a connection's first replies come to, before any key is found: cut there, the run ends at once, with 3.
const CONNECT_BYTES: u64 = 20_000;
/// Longer than it takes to see that keys have gone, so that the answer of their EXEC is still under way.
const ANSWER_DELAY: Duration = Duration::from_millis(4);

/// How connections are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// So many of them, each after so many bytes of its replies.
    InReply { times: u64 },
    /// All of them, when an EXEC has run and its answer has not come.
    BeforeAnswer,
    /// All of them, and nobody is let in again.
    ForGood,
}

const CUTS: [Cut; 5] = [
    Cut::InReply { times: 1 },
    Cut::BeforeAnswer,
    Cut::InReply { times: 4 },
    Cut::ForGood,
    Cut::InReply { times: 2 },
];

/// What all trials of one program came to.
#[derive(Debug, Default)]
struct Figures {
    went_on: usize,
    gave_up: usize,
    /// Keys whose EXEC had run without an answer.
    unanswered: u64,
    found: Found,
}

/// A server behind a proxy.
struct Stage {
    proxy: FaultProxy,
    _server: OwnedServer,
    raw: Raw,
    spare: Spare,
    seed: u64,
    before: Told,
    all: Figures,
}

impl Stage {
    async fn start(program: &Program, seed: u64) -> Self {
        let server = server(program);
        let mut raw = raw(&server);
        let socket = server.folder().join("server.sock");
        let url = server.url();
        let path = url.strip_prefix("unix://").map_or(socket, PathBuf::from);
        fill(&mut raw, seed);
        Self {
            proxy: FaultProxy::start(path).await.expect("a proxy"),
            before: told(&mut raw),
            spare: Spare::start(program),
            _server: server,
            raw,
            seed,
            all: Figures::default(),
        }
    }

    fn trial(&mut self, random: &mut SplitMix64, nth: usize) {
        fill(&mut self.raw, self.seed);
        let cut = CUTS[nth % CUTS.len()];
        let at = OTHERS + KEYS / 10 + below(random, KEYS * 8 / 10);
        let bytes = CONNECT_BYTES + below(random, REPLY_BYTES);
        let budget = ["off", "20ms"][usize::from(nth % 4 == 2)];
        let trial = format!("trial {nth}, {cut:?}, at {at} keys or {bytes} bytes, {budget}");
        let home = Home::with_url(&format!("redis://{}", self.proxy.addr()));
        let (file, place) = (home.path("run.kpb"), home.path("run.ckpt"));
        let work = backed(&file, &place);
        let retries = ["5", "0"][usize::from(cut == Cut::ForGood)];
        let typed = [&["--budget", budget, "--retries", retries], &work[..]].concat();
        match cut {
            Cut::InReply { times } => self
                .proxy
                .script(FaultRule::new(Fault::Reset).after_bytes(bytes).times(times)),
            Cut::BeforeAnswer => self
                .proxy
                .script(FaultRule::new(Fault::DelayChunks(ANSWER_DELAY))),
            Cut::ForGood => {}
        }
        let child = started(home.keypace(typed));
        let ran = match cut {
            Cut::InReply { .. } => ended(child),
            Cut::BeforeAnswer | Cut::ForGood => self.cut_at(child, at, cut),
        };
        self.proxy.clear_rules();
        self.proxy.accept_again();
        let left = sessions(&told(&mut self.raw));
        let files = [file.clone()];
        let restored = self.spare.restored(&files);
        let before = sessions(&self.before);
        self.all.found.add(judge(&before, &left, &restored, &trial));
        if ran.code == 0 {
            self.all.went_on += 1;
            self.expect_whole(&ran, &files, &trial);
            return;
        }
        assert_eq!(ran.code, 1, "{trial}: {ran:?}");
        assert_eq!(ran.json()["complete"], false, "{trial}: {ran:?}");
        self.all.gave_up += 1;
        let place = place.to_str().expect("a path");
        let typed = [&["--budget", "off"], &work[..], &["--resume", place]].concat();
        self.expect_whole(&home.run(typed).expect(0), &files, &trial);
    }

    /// Waits until so few keys are left, cuts, and hears how the run ends.
    fn cut_at(&mut self, mut child: Child, at: u64, cut: Cut) -> Ran {
        while dbsize(&mut self.raw) > at {
            if child.try_wait().expect("a child of ours").is_some() {
                break;
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        if cut == Cut::ForGood {
            self.proxy.refuse_all();
        }
        self.proxy.cut_all();
        self.proxy.clear_rules();
        ended(child)
    }

    fn expect_whole(&mut self, ran: &Ran, files: &[PathBuf], trial: &str) {
        let summary = ran.json();
        let sum = |field: &str| summary[field].as_u64().expect("a number");
        assert_eq!(summary["complete"], true, "{trial}: {summary}");
        assert_eq!(
            sum("failed") + sum("unknown") + sum("skipped"),
            0,
            "{trial}: {summary}"
        );
        // A key that was on its way when the last run gave up may be met once more by the walk.
        let ended = sum("deleted") + sum("already_gone");
        assert!(
            sum("deleted") <= KEYS && ended >= KEYS,
            "{trial}: {summary}"
        );
        self.all.unanswered += sum("already_gone");
        assert_eq!(dbsize(&mut self.raw), OTHERS, "{trial}");
        let restored = self.spare.restored(files);
        expect_same(&sessions(&self.before), &restored, 0, trial);
    }
}

fn run(program: &Program, mut random: SplitMix64) {
    // The proxy lives on its worker, while the trials block this thread.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let begun = Instant::now();
    let mut stage = runtime.block_on(Stage::start(program, random.next()));
    let share = TRIALS.div_ceil(programs().len());
    for nth in 0..share {
        stage.trial(&mut random, nth);
    }
    let (label, took) = (program.label(), begun.elapsed());
    let all = &stage.all;
    println!("{label}: {share} trials in {took:?}, {all:?}, none lost");
    assert!(all.went_on > 0 && all.gave_up > 0, "{label}: {all:?}");
    assert!(all.unanswered > 0, "no EXEC was cut from its answer");
}

#[test]
fn cut_connections_lose_no_key() {
    let mut random = random();
    std::thread::scope(|scope| {
        for program in &programs() {
            let random = SplitMix64::new(random.next());
            let program = program.clone();
            scope.spawn(move || run(&program, random));
        }
    });
}
