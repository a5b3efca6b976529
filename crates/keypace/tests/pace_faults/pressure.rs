//! What the server says of itself: each reason to pause is named while it lasts, counted in the end, and over when the
//! server says so. What INFO says is set by the test.

use std::time::Duration;

use keypace::{Budget, DeleteOptions, Keyspace, PauseReason, PausedMs, Summary, Sweep, Thresholds};
use keypace_testkit::{CommandRecord, Sim};

use crate::common::{deleting_with, finish, left, on, scan};
use crate::{KEYS, MILLISECOND, budget, seeded, slow, small_batches, small_pages};

const HOLD: Duration = Duration::from_secs(3);
/// The server is asked now and then meanwhile, and that is no pause.
const LEAST_HELD: Duration = Duration::from_millis(2700);
/// The longest time until the server is asked again while something presses, with room.
const ASKED_AGAIN: Duration = Duration::from_millis(400);

/// Well after the server has been asked for the second time; the work lasts longer.
const LATEST_LOOK: Duration = Duration::from_millis(1500);

type Fields = &'static [(&'static str, &'static str)];

/// What the server says while it is well, for what is compared with the beginning.
const WELL: Fields = &[
    ("used_memory", "900000"),
    ("maxmemory", "1000000"),
    ("expired_stale_perc", "1.00"),
    ("connected_slaves", "0"),
    ("lazyfree_pending_objects", "0"),
    ("loading", "0"),
];
const BEHIND: Fields = &[
    ("connected_slaves", "2"),
    (
        "slave0",
        "ip=127.0.0.1,port=1,state=online,offset=99999000,lag=0",
    ),
    (
        "slave1",
        "ip=127.0.0.1,port=2,state=online,offset=1000,lag=9",
    ),
    ("master_repl_offset", "100000000"),
];
const BUFFERED: Fields = &[
    ("connected_slaves", "1"),
    (
        "slave0",
        "ip=127.0.0.1,port=1,state=wait_bgsave,offset=0,lag=0",
    ),
    ("mem_clients_slaves", "50000000"),
];
const UNFREED: Fields = &[("lazyfree_pending_objects", "1000")];
const LOADING: Fields = &[("loading", "1")];
const STALE: Fields = &[("expired_stale_perc", "60.00")];
const FULL: Fields = &[("used_memory", "990000")];

fn say(sim: &Sim, fields: Fields) {
    sim.with_state(|state| {
        for (field, value) in fields {
            state.set_info(field, value);
        }
    });
}

/// How often a sweep has asked the server how it is: INFO on its canary's connection, without that of the greeting.
fn looks(sim: &Sim) -> usize {
    let commands = sim.commands();
    let canary = commands.iter().find(|command| command.name == "PING");
    canary.map_or(0, |canary| {
        let is_look = |command: &&CommandRecord| {
            command.name == "INFO" && command.connection == canary.connection
        };
        commands.iter().filter(is_look).count().saturating_sub(1)
    })
}

async fn counting(keyspace: &Keyspace) -> Sweep {
    let options = small_pages(scan("session:*")).with_budget(budget(20 * MILLISECOND));
    Sweep::count(keyspace, options).await.expect("started")
}

async fn deleting(keyspace: &Keyspace) -> Sweep {
    let options = small_pages(scan("session:*")).with_budget(budget(20 * MILLISECOND));
    deleting_with(keyspace, &options, small_batches()).await
}

/// From behind the first look on the server says this, for so long as it holds. Gives whether the reason was shown, and
/// how many commands were sent while it held.
async fn press(sim: &Sim, sweep: Sweep, fields: Fields) -> (Summary, Option<PauseReason>, u64) {
    let handle = sweep.progress_handle();
    let sim = sim.clone();
    let pressed = tokio::spawn(async move {
        while looks(&sim) == 0 {
            tokio::time::sleep(10 * MILLISECOND).await;
        }
        say(&sim, fields);
        let since = tokio::time::Instant::now();
        while handle.get().paused_for.is_none() && since.elapsed() < LATEST_LOOK {
            tokio::time::sleep(MILLISECOND).await;
        }
        let sent = || sim.count_of("SCAN") + sim.count_of("UNLINK");
        let before = sent();
        tokio::time::sleep(HOLD).await;
        let named = handle.get().paused_for;
        let during = sent() - before;
        sim.with_state(|state| {
            for (field, value) in WELL {
                state.set_info(field, value);
            }
        });
        tokio::time::sleep(ASKED_AGAIN).await;
        assert_eq!(
            handle.get().paused_for,
            None,
            "it is over when INFO says so"
        );
        (named, during)
    });
    let summary = finish(sweep).await;
    let (named, during) = pressed.await.expect("watched");
    (summary, named, during)
}

fn paused(summary: &Summary, reason: PauseReason) -> u64 {
    let PausedMs {
        replica,
        memory,
        lazyfree,
        server,
        ..
    } = summary.pace.paused_ms;
    let known = [
        (PauseReason::Replica, replica),
        (PauseReason::Memory, memory),
        (PauseReason::Lazyfree, lazyfree),
        (PauseReason::Server, server),
    ];
    let others: u64 = (known.iter().filter(|(other, _)| *other != reason))
        .map(|(_, ms)| ms)
        .sum();
    assert_eq!(others, 0, "only {reason:?}: {summary:?}");
    known
        .iter()
        .find_map(|(other, ms)| (*other == reason).then_some(*ms))
        .expect("a reason of the server's")
}

#[tokio::test(start_paused = true)]
async fn p24_p25_a_pause_has_a_name_and_an_end() {
    for (fields, reason) in [
        (BEHIND, PauseReason::Replica),
        (BUFFERED, PauseReason::Replica),
        (UNFREED, PauseReason::Lazyfree),
        (LOADING, PauseReason::Server),
        (STALE, PauseReason::Memory),
    ] {
        let sim = seeded();
        say(&sim, WELL);
        slow(&sim);
        let delete = deleting(&on(&sim).await).await;
        let (summary, named, during) = press(&sim, delete, fields).await;
        assert_eq!((named, during), (Some(reason), 0), "{fields:?}");
        assert!(summary.complete, "{summary:?}");
        assert_eq!((summary.deleted, left(&sim, "session:")), (KEYS, 0));
        let ms = u128::from(paused(&summary, reason));
        let (least, most) = (LEAST_HELD.as_millis(), (HOLD + 2 * ASKED_AGAIN).as_millis());
        assert!((least..most).contains(&ms), "{reason:?}: {ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn p11_memory_that_fills_up_does_not_hold_a_delete_which_is_the_cure() {
    let sim = seeded();
    say(&sim, WELL);
    slow(&sim);
    let delete = deleting(&on(&sim).await).await;
    let (summary, named, during) = press(&sim, delete, FULL).await;
    assert_eq!(named, None);
    assert!(during > 0, "it goes on");
    assert!(summary.complete && summary.deleted == KEYS, "{summary:?}");
    assert_eq!(paused(&summary, PauseReason::Memory), 0);
}

#[tokio::test(start_paused = true)]
async fn thresholds_of_the_callers_are_kept_and_at_full_speed_none() {
    const LITTLE: Fields = &[
        ("connected_slaves", "1"),
        (
            "slave0",
            "ip=127.0.0.1,port=1,state=online,offset=1000,lag=0",
        ),
        ("master_repl_offset", "11000"),
    ];
    let strict = Thresholds::default().with_replica_lag_bytes(10_000);
    for (thresholds, budget, is_held) in [
        (Thresholds::default(), budget(20 * MILLISECOND), false),
        (strict, budget(20 * MILLISECOND), true),
        (strict, Budget::off(), false),
    ] {
        let sim = seeded();
        slow(&sim);
        let options = small_pages(scan("session:*"))
            .with_budget(budget)
            .with_thresholds(thresholds);
        say(&sim, LITTLE);
        let count = Sweep::count(&on(&sim).await, options).await;
        let count = count.expect("started");
        let handle = count.progress_handle();
        let caught_up = {
            let sim = sim.clone();
            tokio::spawn(async move {
                tokio::time::sleep(HOLD).await;
                let named = handle.get().paused_for;
                say(&sim, WELL);
                named
            })
        };
        let summary = finish(count).await;
        let named = caught_up.await.expect("watched");
        assert_eq!(named == Some(PauseReason::Replica), is_held);
        assert_eq!(summary.pace.paused_ms.replica > 0, is_held);
        assert!(summary.complete && summary.matched == KEYS, "{summary:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_pause_at_once_and_settles_what_was_begun() {
    for fields in [BEHIND, UNFREED, LOADING] {
        let sim = seeded();
        slow(&sim);
        let keyspace = on(&sim).await;
        let options = small_pages(scan("session:*")).with_budget(budget(20 * MILLISECOND));
        // Keys wait in a batch that is not full when the pause comes.
        let mut delete = deleting_with(&keyspace, &options, DeleteOptions::default()).await;
        for _ in 0..5 {
            delete.next().await.expect("it goes on");
        }
        say(&sim, fields);
        let (handle, stop) = (delete.progress_handle(), delete.stop_handle());
        let stopped = tokio::spawn(async move {
            while handle.get().paused_for.is_none() {
                tokio::time::sleep(MILLISECOND).await;
            }
            tokio::time::sleep(100 * MILLISECOND).await;
            stop.stop();
            tokio::time::Instant::now()
        });
        let ended = async { while delete.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(3600), ended)
            .await
            .expect("a stop is heard in a pause");
        let took = stopped.await.expect("stopped").elapsed();
        assert!(took < 100 * MILLISECOND, "{took:?} until it ended");
        let summary = delete.summary();
        crate::common::check(&summary);
        assert!(!summary.complete && summary.unknown == 0, "{summary:?}");
        let gone = KEYS - left(&sim, "session:") as u64;
        assert_eq!(summary.deleted, gone, "{summary:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p11_memory_that_fills_up_holds_a_count() {
    let sim = seeded();
    say(&sim, WELL);
    slow(&sim);
    let count = counting(&on(&sim).await).await;
    let (summary, named, during) = press(&sim, count, FULL).await;
    assert_eq!((named, during), (Some(PauseReason::Memory), 0));
    assert!(summary.complete && summary.matched == KEYS, "{summary:?}");
    assert!(u128::from(paused(&summary, PauseReason::Memory)) >= LEAST_HELD.as_millis());
}
