//! A canary that can't sing, falls silent or is never answered: the work ends complete all the same, and figures are
//! what was heard. How the pace judges what it hears is its own tests' business.

use std::time::Duration;

use keypace::{ConnectOptions, Keyspace, PaceSummary, PauseReason, Summary, Sweep};
use keypace_testkit::{Action, Rule, Sim, SimOptions, User};

use crate::common::{deleting_with, finish, left, on, scan, target, try_on};
use crate::{KEYS, MILLISECOND, budget, seeded, slow, small_batches, small_pages};

const HOUR: Duration = Duration::from_secs(3600);

async fn begin(keyspace: &Keyspace) -> Sweep {
    let options = small_pages(scan("session:*")).with_budget(budget(20 * MILLISECOND));
    deleting_with(keyspace, &options, small_batches()).await
}

async fn end(delete: Sweep) -> Summary {
    tokio::time::timeout(HOUR, finish(delete))
        .await
        .expect("it ends")
}

async fn delete(keyspace: &Keyspace) -> Summary {
    end(begin(keyspace).await).await
}

fn check(sim: &Sim, summary: &Summary) {
    assert!(summary.complete, "{summary:?}");
    assert_eq!((summary.deleted, summary.matched), (KEYS, KEYS));
    assert_eq!(
        (left(sim, "session:"), left(sim, "other:")),
        (0, KEYS as usize)
    );
}

fn heard(pace: &PaceSummary) -> [Option<u64>; 3] {
    [pace.canary_p50_us, pace.canary_p99_us, pace.canary_max_us]
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_finds_no_connection_is_done_without() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    // The walk's and the delete's connections are open by the 20th page, and time has not moved until then.
    sim.script(
        Rule::on("SCAN")
            .nth(20)
            .then(Action::run(|state| state.limit_connections(2))),
    );
    sim.script(
        Rule::on("SCAN")
            .nth(21)
            .always()
            .then(Action::Delay(MILLISECOND)),
    );
    let summary = delete(&keyspace).await;
    check(&sim, &summary);
    assert_eq!((heard(&summary.pace), sim.count_of("PING")), ([None; 3], 0));
}

#[tokio::test(start_paused = true)]
async fn a_canary_without_the_right_to_sing_is_done_without() {
    let user = User::new("u", "p").without_command("PING");
    let sim = Sim::with(SimOptions::default().with_user(user));
    sim.insert_strings("session:", 0..KEYS);
    sim.insert_strings("other:", 0..KEYS);
    slow(&sim);
    let target = target().with_user("u").with_password("p");
    let keyspace = try_on(&sim, target, ConnectOptions::default())
        .await
        .expect("let in");
    let summary = delete(&keyspace).await;
    check(&sim, &summary);
    assert_eq!(heard(&summary.pace), [None; 3]);
    let tries = sim.count_of("PING");
    let seconds = summary.elapsed_ms / 1000;
    assert!(
        (1..=2 + seconds).contains(&tries),
        "{tries} tries in {seconds} s: one a second is enough"
    );
}

#[tokio::test(start_paused = true)]
async fn a_canary_whose_connection_drops_gets_another() {
    let sim = seeded();
    let dropped = Rule::on("PING").nth(5).then(Action::DropConnection);
    sim.script(dropped);
    slow(&sim);
    let summary = delete(&on(&sim).await).await;
    check(&sim, &summary);
    assert!(heard(&summary.pace).iter().all(Option::is_some));
    assert!(sim.count_of("PING") > 5, "it sings again");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_nobody_answers_is_given_up() {
    for heard_before in [0, 5] {
        let sim = seeded();
        let silent = Rule::on("PING").nth(heard_before + 1).always();
        sim.script(silent.then(Action::Stall));
        slow(&sim);
        let summary = delete(&on(&sim).await).await;
        check(&sim, &summary);
        let is_heard = heard(&summary.pace).iter().all(Option::is_some);
        assert_eq!(is_heard, heard_before > 0, "{summary:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_none_hurt_nobody() {
    for reply in ["*0\r\n", "$-1\r\n", "-LOADING loading\r\n", "PONG", "?\r\n"] {
        let sim = seeded();
        let odd = Rule::on("PING").every(3).then(Action::Reply(reply.into()));
        sim.script(odd);
        let cut = Rule::on("PING").every(5);
        sim.script(cut.then(Action::CutReply { after_bytes: 3 }));
        slow(&sim);
        check(&sim, &delete(&on(&sim).await).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_to_itself_how_it_is_holds_nobody_up() {
    for fault in [
        Action::Error("NOPERM this user has no permissions to run the 'info' command".into()),
        Action::Reply(b"$3\r\n\xff\r\n\r\n".to_vec()),
        Action::Reply(b"*0\r\n".to_vec()),
        Action::DropConnection,
        Action::Stall,
    ] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let mut delete = begin(&keyspace).await;
        while sim.count_of("UNLINK") == 0 {
            delete.next().await.expect("it goes on");
        }
        // The work's own connections have greeted by now, and INFO is a part of that.
        sim.script(Rule::on("INFO").always().then(fault.clone()));
        let before = sim.count_of("INFO");
        slow(&sim);
        let summary = end(delete).await;
        check(&sim, &summary);
        assert!(sim.count_of("INFO") > before, "{fault:?}: it was asked");
        let paused = summary.pace.paused_ms;
        assert_eq!(
            (paused.replica, paused.memory, paused.lazyfree),
            (0, 0, 0),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_load_is_named_and_yielded_to_until_it_is_over() {
    const LOAD: Duration = Duration::from_secs(2);
    let sim = seeded();
    slow(&sim);
    let keyspace = on(&sim).await;
    let options = small_pages(scan("session:*")).with_budget(budget(20 * MILLISECOND));
    let mut count = Sweep::count(&keyspace, options).await.expect("started");
    for _ in 0..100 {
        count.next().await.expect("it goes on");
    }
    // From here on the canary waits as behind a queue of somebody else's.
    sim.clear_rules();
    let late = Action::Delay(9 * MILLISECOND);
    sim.script(Rule::on("PING").always().then(late));
    slow(&sim);
    let handle = count.progress_handle();
    let before = sim.count_of("SCAN");
    let lifted = {
        let sim = sim.clone();
        tokio::spawn(async move {
            while handle.get().paused_for != Some(PauseReason::Others) {
                tokio::time::sleep(MILLISECOND).await;
            }
            let yielded = sim.count_of("SCAN");
            tokio::time::sleep(LOAD).await;
            let during = sim.count_of("SCAN") - yielded;
            sim.clear_rules();
            slow(&sim);
            (yielded - before, during)
        })
    };
    let summary = finish(count).await;
    let (until_named, during) = lifted.await.expect("it was named");
    assert!(summary.complete, "{summary:?}");
    assert!(until_named < 100, "{until_named} calls until it gave way");
    // One of the smallest commands each 20 ms at most, where some 500 would go.
    assert!(during <= 100, "{during} calls in {LOAD:?}");
    let others = summary.pace.paused_ms.others;
    let least = LOAD.as_millis() as u64 / 4;
    assert!((least..8 * least).contains(&others), "{others} ms");
}

#[tokio::test(start_paused = true)]
async fn a_canary_never_takes_the_connection_that_the_work_needs() {
    let sim = seeded();
    slow(&sim);
    // One for the walk, one for the delete.
    sim.limit_connections(2);
    let summary = delete(&on(&sim).await).await;
    check(&sim, &summary);
}
