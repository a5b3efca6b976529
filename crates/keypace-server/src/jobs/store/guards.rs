//! What a store holds to whoever asks: one remover on a database, one use of a plan, a bound on what is kept. Called by the
//! tests of both databases.

use chrono::{DateTime, Utc};

use crate::jobs::job::Job;
use crate::jobs::spec::JobKind;
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::tests::{Desk, MANY, id, identity, job};
use crate::jobs::store::{Finish, Inserted, JobStore, Leave, Order};

pub(super) async fn lets_one_remover_work_on_a_database(desk: &Desk) {
    let places = [
        ("a:1", 0, "r"),
        ("a:1", 1, "r"),
        ("a:1", 0, "other"),
        ("same:by:another:name", 0, "r"),
    ];
    for (number, (address, database, run_id)) in (1..).zip(places) {
        let mut made = job(number, JobKind::Delete, desk.clock.now());
        made.identity = Some(identity(address, database, run_id));
        desk.store.insert(&made, MANY).await.expect("kept");
    }
    let mut dry = job(5, JobKind::Delete, desk.clock.now());
    dry.spec.dry_run = true;
    dry.identity = Some(identity("a:1", 0, "r"));
    desk.store.insert(&dry, MANY).await.expect("kept");
    let first = desk.claim("a").await.expect("one");
    let next: Vec<_> = [
        desk.claim("b").await,
        desk.claim("c").await,
        desk.claim("d").await,
    ]
    .into();
    let ids: Vec<_> = next
        .iter()
        .map(|job| job.as_ref().map(|job| job.id.clone()))
        .collect();
    assert_eq!(first.id, id(1));
    assert_eq!(
        ids,
        [Some(id(2)), Some(id(5)), None],
        "another database, and what removes nothing"
    );
    // Its holder dies: it comes before those that wait for it.
    desk.clock.pass(11);
    let taken = desk.claim("e").await.expect("one");
    assert_eq!((&taken.id, taken.lease), (&id(1), 2));
    desk.leave(&taken, Leave::Ended(Outcome::Done))
        .await
        .expect("left");
    let third = desk.claim("f").await.expect("one");
    assert_eq!(third.id, id(2), "the one whose holder died as well");
    assert_eq!(desk.claim("f").await.expect("one").id, id(3));
    assert_eq!(
        desk.claim("g").await.expect("one").id,
        id(4),
        "neither place nor process is the third's"
    );
}

pub(super) async fn confirms_once_and_only_with_what_it_confirms(desk: &Desk) {
    let mut plan = job(1, JobKind::Delete, desk.clock.now());
    plan.spec.dry_run = true;
    desk.store.insert(&plan, MANY).await.expect("kept");
    let confirmed = |number| {
        let mut made = job(number, JobKind::Delete, desk.clock.now());
        made.confirms = Some(id(1));
        made
    };
    let insert = async |job: Job, most| desk.store.insert(&job, most).await.expect("done");
    assert_eq!(
        insert(confirmed(2), MANY).await,
        Inserted::Used,
        "it has not ended"
    );
    let held = desk.claim("a").await.expect("one");
    desk.leave(&held, Leave::Ended(Outcome::Planned))
        .await
        .expect("left");
    assert_eq!(insert(confirmed(2), 0).await, Inserted::Full);
    assert!(
        !desk.get(1).await.confirm_used,
        "what is refused uses nothing up"
    );
    let both = tokio::join!(insert(confirmed(2), MANY), insert(confirmed(3), MANY));
    let mut both = [both.0, both.1];
    both.sort_by_key(|inserted| *inserted != Inserted::Kept);
    assert_eq!(both, [Inserted::Kept, Inserted::Used]);
    assert!(desk.get(1).await.confirm_used);
}

pub(super) async fn forgets_the_oldest_that_have_ended(desk: &Desk) {
    for number in 1..=6 {
        desk.make(number, JobKind::Count).await;
        if number != 2 {
            desk.order(number, Order::Cancel).await.expect("cancelled");
        }
    }
    let mut restore = job(7, JobKind::Restore, desk.clock.now());
    restore.spec.from_job = Some(id(3));
    desk.store.insert(&restore, MANY).await.expect("kept");
    let mut gone = desk.store.prune(2, never()).await.expect("done");
    gone.sort();
    assert_eq!(
        gone,
        [id(1), id(4)],
        "neither what waits nor what a restore brings back"
    );
    assert!(desk.store.prune(2, never()).await.expect("done").is_empty());
    desk.order(7, Order::Cancel).await.expect("cancelled");
    assert_eq!(desk.store.prune(1, never()).await.expect("done").len(), 3);
    assert_eq!(desk.get(7).await.state, JobState::Cancelled);
}

/// A moment at which no job has ended yet.
fn never() -> DateTime<Utc> {
    DateTime::<Utc>::MAX_UTC
}

pub(super) async fn keeps_what_can_still_be_undone(desk: &Desk) {
    for number in 1..=4 {
        let made = desk.make(number, JobKind::Delete).await;
        let held = desk.claim("a").await.expect("one");
        assert_eq!(held.id, made.id);
        let finish = Finish {
            has_backup: number != 2,
            ..Finish::new(Leave::Ended(Outcome::Done))
        };
        let left = desk.store.finish(&held.id, held.lease, &finish).await;
        assert_eq!(left.expect("done"), Some(JobState::Done));
        desk.clock.pass(60);
    }
    let ended = desk.get(1).await.ended_at.expect("ended");
    let prune = async |since| {
        let mut gone = desk.store.prune(2, since).await.expect("done");
        gone.sort();
        gone
    };
    // 1 is older than the newest two, and so young that it can be undone; of its like no more than two are kept.
    desk.store.drop_backup(&id(4)).await.expect("done");
    assert!(!desk.get(4).await.has_backup);
    assert_eq!(prune(ended).await, [id(2)]);
    let mut restore = job(7, JobKind::Restore, desk.clock.now());
    restore.spec.from_job = Some(id(1));
    desk.store.insert(&restore, MANY).await.expect("kept");
    assert!(
        !desk.store.drop_backup(&id(1)).await.expect("done"),
        "a restore is to bring it back"
    );
    assert!(desk.get(1).await.has_backup);
    desk.order(7, Order::Cancel).await.expect("cancelled");
    assert!(desk.store.drop_backup(&id(1)).await.expect("done"));
    assert_eq!(prune(ended).await, [id(1)], "3 is young still");
    let open = desk.make(9, JobKind::Delete).await;
    assert!(!desk.store.drop_backup(&open.id).await.expect("done"));
}
