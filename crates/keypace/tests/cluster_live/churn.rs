//! Slots that are emptied and filled while they are walked (valkey #3588 skipped keys then): sixty seeded trials.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keypace::{ConnectOptions, Sweep};
use keypace_lab::{ClusterOptions, Raw};

use crate::common::{Random, scan};
use crate::stage::{Stage, drive, each_program, expect_keys, expect_whole, quick};

const TRIALS: u32 = 60;
/// Slots that keep a key, and as many others whose keys come and go; half of those keep one as well, so that they are
/// never quite empty.
const SLOTS: u64 = 150;
/// Keys that a slot is filled with.
const FILL: u64 = 20;
/// The trials stop here, however many there were: a busy machine must not fail them.
const ENOUGH: Duration = Duration::from_secs(20);
/// And fewer than these are no proof.
const LEAST_TRIALS: u32 = 10;

/// Fills or empties one slot.
fn disturb(raw: &mut Raw, random: &mut Random) {
    let tag = random.below(SLOTS);
    let fills = random.below(2) == 0;
    let mut pipeline = raw.pipeline();
    for n in 0..FILL {
        let key = format!("churn:{{c{tag}}}:{n}");
        if fills {
            pipeline.add(&[b"SET", key.as_bytes(), b"v"]);
        } else {
            pipeline.add(&[b"UNLINK", key.as_bytes()]);
        }
    }
    for reply in pipeline.run().expect("answered") {
        reply.checked().expect("accepted");
    }
}

#[tokio::test]
async fn p19b_no_stable_key_is_missed_where_slots_are_emptied_and_filled() {
    each_program(async |program| {
        let alone = ClusterOptions::default().with_primaries(1).with_replicas(0);
        let stage = Stage::start(&program, alone);
        let mut raw = stage.0.raw(0).expect("connected");
        let stable: BTreeSet<Vec<u8>> = (0..SLOTS)
            .flat_map(|tag| {
                [
                    format!("stable:{{s{tag}}}"),
                    format!("stable:{{c{}}}", tag / 2),
                ]
            })
            .map(String::into_bytes)
            .collect();
        for key in &stable {
            raw.command(&[b"SET", key, b"v"]).expect("set");
        }
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let mut random = Random::seeded();
        let began = Instant::now();
        let mut trials = 0;
        while trials < TRIALS && began.elapsed() < ENOUGH {
            let options = quick(scan("stable:*"), 10);
            let sweep = Sweep::list(&keyspace, options).await.expect("started");
            let trial_seed = random.next();
            let mut own = Random(trial_seed);
            println!("trial {trials}, seed {trial_seed}");
            let (keys, summary) = drive(sweep, |_| disturb(&mut raw, &mut own)).await;
            expect_whole(&summary);
            expect_keys(keys, &stable, &summary);
            trials += 1;
        }
        println!("{trials} trials");
        assert!(trials >= LEAST_TRIALS, "only {trials} trials in {ENOUGH:?}");
    })
    .await;
}
