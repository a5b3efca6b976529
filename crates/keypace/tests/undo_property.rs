//! Random keyspaces of every type, deleted with a backup and restored: every key has the digest, the time and the details
//! that it had, and nothing else is there. The seed is printed, and `KEYPACE_SEED` replays it. Harms nothing meanwhile.

mod common;
#[path = "undo_property/keyspaces.rs"]
mod keyspaces;

use std::path::Path;
use std::time::{Duration, Instant};

use keypace::{
    Backup, BackupTarget, Budget, Existing, Keyspace, Restore, RestoreConsent, RestoreOptions,
    SweepOptions,
};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions};

use common::{Random, connect, deleting, finish, scan};
use keyspaces::{KEYS, Kind, dbsize, fill, told};

/// Keyspaces of each server at most.
const KEYSPACES: u64 = 10;
/// No new keyspace is begun later, on a machine that is busy.
const TIME: Duration = Duration::from_secs(20);

/// How much is done at once.
fn budget_of(nth: u64) -> Budget {
    // One command goes at a time under a budget, and several groups do without.
    if nth % 3 == 2 {
        Budget::default()
    } else {
        Budget::off()
    }
}

async fn delete(keyspace: &Keyspace, file: &Path, budget: Budget) {
    let options = SweepOptions::new(scan("key:*"))
        .with_budget(budget)
        .with_backup(BackupTarget::new(file));
    let summary = finish(deleting(keyspace, &options).await).await;
    assert!(summary.complete, "{summary:?}");
    let counts = (summary.deleted, summary.skipped, summary.already_gone);
    assert_eq!(counts, (KEYS, 0, 0), "{summary:?}");
}

async fn restore(keyspace: &Keyspace, file: &Path, budget: Budget, existing: Existing) {
    let index = Backup::open(file).and_then(Backup::index).expect("read");
    assert_eq!((index.damage().len(), index.torn_bytes()), (0, 0));
    assert_eq!((index.totals().records, index.totals().void), (KEYS, 0));
    let options = RestoreOptions::default()
        .with_budget(budget)
        .with_existing(existing);
    let begun = Restore::begin(keyspace, index, options, RestoreConsent::Confirmed).await;
    let mut restore = begun.expect("begun");
    while restore.next().await.is_some() {}
    let summary = restore.summary();
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.restored, KEYS, "{summary:?}");
}

async fn undo(server: &OwnedServer, raw: &mut Raw, seed: u64, nth: u64) {
    let mut random = Random(seed);
    let kinds = fill(raw, &mut random);
    let size = dbsize(raw);
    let before = told(raw);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.kpb");
    let place = |key: &[u8]| {
        let kind = kinds.get(key).map_or("other", |kind: &Kind| kind.name());
        let label = server.program().label();
        format!("{label}, seed {seed}, {kind} {}", key.escape_ascii())
    };

    let keyspace = connect(server).await;
    delete(&keyspace, &file, budget_of(nth)).await;
    assert_eq!(dbsize(raw), size - KEYS, "seed {seed}");
    restore(&keyspace, &file, budget_of(nth + 1), Existing::Skip).await;
    let after = told(raw);
    assert_eq!(dbsize(raw), size, "seed {seed}");
    for (key, facts) in &before {
        assert_eq!(after.get(key), Some(facts), "{}", place(key));
    }
    // And over whatever is there by then.
    for key in kinds.keys().take(20) {
        raw.command(&[b"SET", key, b"changed"]).expect("written");
    }
    restore(&keyspace, &file, Budget::off(), Existing::Replace).await;
    assert!(told(raw) == before, "replaced, seed {seed}");
}

#[tokio::test]
async fn what_is_deleted_with_a_backup_comes_back_to_the_last_detail() {
    let mut random = Random::seeded();
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    for program in &programs {
        let options = ServerOptions::default().with_arg("enable-debug-command", "yes");
        let server = OwnedServer::start(program, options).expect("a server");
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        let begun = Instant::now();
        let mut done = 0;
        while done < KEYSPACES && begun.elapsed() < TIME {
            undo(&server, &mut raw, random.next(), done).await;
            done += 1;
        }
        println!(
            "{}: {done} keyspaces of {KEYS} keys in {:?}",
            program.label(),
            begun.elapsed()
        );
    }
}
