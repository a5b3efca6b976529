//! What whoever watches a job sees of it, and that nobody looks after the last one is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::jobs::id::JobId;
use crate::jobs::job::Job;
use crate::jobs::problem::JobErrorKind;
use crate::jobs::service::tests::{Desk, operator};
use crate::jobs::service::{Hands, JobSettings};
use crate::jobs::spec::{JobKind, JobSpec};
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::{Finish, JobStore, Leave, Order};
use crate::limits;

/// Hands that say of every job what the test says.
struct Busy(Mutex<Option<watch::Receiver<Arc<Value>>>>);

impl Hands for Busy {
    fn wake(&self) {}

    fn live(&self, _: &JobId) -> Option<watch::Receiver<Arc<Value>>> {
        self.0.lock().expect("no panic").clone()
    }

    fn forget(&self, _: &[JobId]) {}
}

/// The job as soon as it is so.
async fn seen(
    watching: &mut watch::Receiver<Arc<Job>>,
    is_so: impl FnMut(&Arc<Job>) -> bool,
) -> Arc<Job> {
    let seen = timeout(Duration::from_secs(30), watching.wait_for(is_so)).await;
    seen.expect("in time").expect("watched").clone()
}

#[tokio::test]
async fn whoever_watches_sees_the_end() {
    let desk = Desk::new(JobSettings::default()).await;
    let count = JobSpec::new(JobKind::Count, "", vec!["a:*".to_owned()]);
    let made = desk.create(&operator(), count).await.expect("made");
    let mut one = desk.service.watch(&made.id).await.expect("watched");
    let mut other = desk.service.watch(&made.id).await.expect("watched");
    assert_eq!(one.borrow_and_update().state, JobState::Waiting);
    let done = desk.run(Outcome::Done, 0).await;
    for watching in [&mut one, &mut other] {
        let ended = seen(watching, |job| job.state.is_ended()).await;
        assert_eq!(ended.result, done.result);
    }
    assert!(one.changed().await.is_err(), "and nothing after it");
    let late = desk.service.watch(&made.id).await.expect("watched");
    assert_eq!(late.borrow().state, JobState::Done);
}

#[tokio::test]
async fn what_runs_in_this_process_is_seen_before_it_is_written() {
    let (says, live) = watch::channel(Arc::new(json!({"share": 0.0})));
    let hands = Arc::new(Busy(Mutex::new(Some(live))));
    let desk = Desk::with_hands(JobSettings::default(), hands).await;
    let count = JobSpec::new(JobKind::Count, "", vec!["a:*".to_owned()]);
    let made = desk
        .service
        .create(&operator(), count, None)
        .await
        .expect("made");
    let held = desk
        .store
        .claim("runner", limits::JOB_LEASE, 9)
        .await
        .expect("done");
    let mut watching = desk.service.watch(&made.id).await.expect("watched");
    for share in [0.25, 0.5] {
        let progress = json!({"share": share});
        says.send(Arc::new(progress.clone())).expect("watched");
        let job = seen(&mut watching, |job| {
            job.progress.as_ref() == Some(&progress)
        })
        .await;
        assert_eq!(job.state, JobState::Running);
    }
    let stored = desk
        .store
        .get(&held.expect("one").id)
        .await
        .expect("done")
        .expect("there");
    assert_eq!(stored.progress, None, "nothing of it is written");
    // The runner stops in mid-job; what the store says is all there is then.
    drop(says);
    let order = Order::Cancel;
    desk.store
        .order(&made.id, &order)
        .await
        .expect("done")
        .expect("ordered");
    let taken = desk
        .store
        .get(&made.id)
        .await
        .expect("done")
        .expect("there");
    let finish = Finish::new(Leave::Settled);
    desk.store
        .finish(&taken.id, taken.lease, &finish)
        .await
        .expect("done")
        .expect("held");
    let ended = seen(&mut watching, |job| job.state.is_ended()).await;
    assert_eq!(ended.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_job_that_is_not_kept_has_nobody_to_watch_it() {
    let desk = Desk::new(JobSettings::default()).await;
    let missing = desk
        .service
        .watch(&JobId::of(1, 1))
        .await
        .expect_err("refused");
    assert_eq!(missing.kind(), JobErrorKind::NotFound);
}
