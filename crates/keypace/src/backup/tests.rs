//! The vault and the reader together: what was put comes back, whole, cut and damaged. Talks to no server.

mod full_disk;

use std::path::{Path, PathBuf};

use proptest::prelude::{any, prop, proptest};
use proptest::test_runner::Config;

use super::{Backup, BackupHead, BackupTotals, Entry, Outcome, RunToken, Saved, Value, Vault};
use crate::error::ErrorKind;
use crate::key::Key;
use crate::limits;

fn head() -> BackupHead {
    BackupHead {
        server: "127.0.0.1:6379".to_owned(),
        database: 3,
        run_id: "0123".to_owned(),
        product: "Valkey".to_owned(),
        version: "9.1.2".to_owned(),
        patterns: vec![b"session:*".to_vec(), b"\xff*".to_vec()],
        created_unix_ms: 1_700_000_000_000,
        run: RunToken::parse("000102030405060708090a0b0c0d0e0f").expect("a token"),
    }
}

fn entry(number: usize, length: usize) -> Entry {
    // Random enough for values to differ, plain enough to be packed.
    let text: Vec<u8> = (0..length)
        .map(|at| b'a' + ((at * 7 + number * 31 + at * at / 11) % 23) as u8)
        .collect();
    Entry {
        key: Key::new(format!("key:{number}").into_bytes()),
        expires_at_ms: number.is_multiple_of(3).then_some(number as u64 * 1000),
        value: if number.is_multiple_of(2) {
            Value::Text(text.into())
        } else {
            Value::Dump(text.into())
        },
    }
}

/// A file of so many groups of so many entries, the group's number at the key's end.
async fn write(path: &Path, groups: usize, entries: usize, length: usize) -> Vec<Entry> {
    let vault = Vault::create(path, &head()).expect("made");
    let mut all = Vec::new();
    for _ in 0..groups {
        let group = vault.next_group();
        let own: Vec<_> = (0..entries).map(|n| entry(all.len() + n, length)).collect();
        all.extend(own.iter().cloned());
        vault.put(group, own).await.expect("put");
        vault.safe().await.expect("safe");
        vault.outcome(group, Outcome::Removed);
    }
    vault.close().await.expect("closed");
    all
}

fn read(path: &Path) -> (Vec<Saved>, super::BackupIndex) {
    let index = Backup::open(path).and_then(Backup::index).expect("read");
    let blocks = (0..index.blocks()).map(|nth| index.block(nth).expect("a block"));
    (blocks.flatten().collect(), index)
}

fn is(saved: &Saved, entry: &Entry) -> bool {
    let same_kind = matches!(
        (&entry.value, saved.kind()),
        (Value::Text(_), super::SavedKind::Text) | (Value::Dump(_), super::SavedKind::Dump)
    );
    same_kind
        && saved.key() == &entry.key
        && saved.expires_at_ms() == entry.expires_at_ms
        && saved.value() == &entry.value.bytes()[..]
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.kpb");
    (folder, path)
}

#[tokio::test]
async fn what_was_put_comes_back() {
    let (_folder, path) = folder();
    let vault = Vault::create(&path, &head()).expect("made");
    let lengths = [0, 1, 100, limits::BACKUP_BLOCK_BYTES, 3 * 1024 * 1024, 5];
    let all: Vec<_> = (lengths.iter().enumerate())
        .map(|(number, length)| entry(number, *length))
        .collect();
    for one in &all {
        vault
            .put(vault.next_group(), vec![one.clone()])
            .await
            .expect("put");
    }
    let totals = vault.close().await.expect("closed");
    let (saved, index) = read(&path);
    assert_eq!(saved.len(), all.len());
    assert!(
        saved
            .iter()
            .zip(&all)
            .all(|(saved, entry)| is(saved, entry))
    );
    assert_eq!(index.head(), &head());
    assert_eq!(index.totals(), totals);
    assert_eq!(
        totals.file_bytes,
        std::fs::metadata(&path).expect("there").len()
    );
    assert!(index.damage().is_empty() && index.torn_bytes() == 0);
    assert!(vault.put(9, Vec::new()).await.is_err(), "closed is closed");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_is_its_owners_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    write(&path, 1, 1, 1).await;
    let rights = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(rights & 0o777, 0o600);
    let error = Vault::create(&path, &head()).err().expect("it is there");
    assert_eq!(error.kind(), ErrorKind::Guard);
    let lost = Vault::create(Path::new("/nowhere/at/all"), &head()).err();
    assert_eq!(lost.expect("no folder").kind(), ErrorKind::Io);
    assert!(super::free_bytes(&path).expect("told") > 0);
    assert!(super::free_bytes(&path.with_extension("new")).expect("told") > 0);
}

#[tokio::test]
async fn kept_groups_are_void_and_open_ones_are_not() {
    let (_folder, path) = folder();
    let vault = Vault::create(&path, &head()).expect("made");
    for (number, outcome) in [Some(Outcome::Removed), Some(Outcome::Kept), None]
        .iter()
        .enumerate()
    {
        let group = vault.next_group();
        vault
            .put(group, vec![entry(number, 10)])
            .await
            .expect("put");
        vault.safe().await.expect("safe");
        if let Some(outcome) = outcome {
            vault.outcome(group, *outcome);
        }
    }
    vault.close().await.expect("closed");
    let (saved, index) = read(&path);
    let names: Vec<_> = saved.iter().map(|saved| saved.key().clone()).collect();
    assert_eq!(names, [entry(0, 0).key, entry(2, 0).key]);
    assert_eq!((index.totals().records, index.totals().void), (2, 1));
}

#[tokio::test]
async fn a_run_goes_on_in_its_own_file_only() {
    let (_folder, path) = folder();
    let mut all = write(&path, 2, 3, 50).await;
    let whole = std::fs::read(&path).expect("read");
    let error = Vault::resume(&path, RunToken::random()).err();
    assert_eq!(error.expect("another run's").kind(), ErrorKind::Guard);
    std::fs::write(&path, b"no backup").expect("written");
    let error = Vault::resume(&path, head().run).err();
    assert_eq!(error.expect("no backup").kind(), ErrorKind::Guard);
    std::fs::remove_file(&path).expect("removed");
    let error = Vault::resume(&path, head().run).err().expect("missing");
    assert_eq!(error.kind(), ErrorKind::Guard, "{error:?}");
    assert!(error.to_string().contains("is not there"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--backup")));
    assert!(!path.exists(), "no second file in its place");
    // Half a block more: as after a crash.
    let mut torn = whole.clone();
    torn.extend_from_slice(&whole[starts(&whole)[0]..][..50]);
    for tail in [&torn[..], &[&whole[..], &[0; 5000]].concat()] {
        std::fs::write(&path, tail).expect("written");
        let vault = Vault::resume(&path, head().run).expect("its own");
        let locked = Vault::resume(&path, head().run).err();
        assert_eq!(locked.expect("in use").kind(), ErrorKind::Guard);
        let group = vault.next_group();
        assert!(group > 1, "given before: {group}");
        let more = entry(100, 80);
        vault.put(group, vec![more.clone()]).await.expect("put");
        vault.close().await.expect("closed");
        all.push(more);
        let (saved, index) = read(&path);
        assert!(
            saved
                .iter()
                .zip(&all)
                .all(|(saved, entry)| is(saved, entry))
        );
        assert_eq!(saved.len(), all.len());
        assert_eq!(index.damage(), Vec::<String>::new());
        all.pop();
    }
}

#[tokio::test]
async fn a_tail_torn_anywhere_costs_its_block_only() {
    let (folder, path) = folder();
    let all = write(&path, 4, 3, 40).await;
    let whole = std::fs::read(&path).expect("read");
    let cut = folder.path().join("cut.kpb");
    let mut most = 0;
    for length in 0..whole.len() {
        std::fs::write(&cut, &whole[..length]).expect("written");
        let Ok(backup) = Backup::open(&cut) else {
            assert_eq!(most, 0, "at {length}");
            continue;
        };
        let index = backup.index().expect("read");
        assert_eq!(index.damage(), Vec::<String>::new(), "at {length}");
        let saved: Vec<_> = (0..index.blocks())
            .flat_map(|nth| index.block(nth).expect("a block"))
            .collect();
        assert!(saved.len() >= most && saved.len() % 3 == 0, "at {length}");
        assert!(
            saved
                .iter()
                .zip(&all)
                .all(|(saved, entry)| is(saved, entry))
        );
        most = saved.len();
    }
    assert_eq!(most, 12, "the last block holds an outcome only");
}

/// Wherever it is cut, between two blocks too, it is told from a file whose run came to its end.
#[tokio::test]
async fn a_file_that_was_cut_anywhere_has_no_end_mark() {
    let (folder, path) = folder();
    write(&path, 4, 3, 40).await;
    assert!(read(&path).1.has_ended());
    let whole = std::fs::read(&path).expect("read");
    let cut = folder.path().join("cut.kpb");
    for length in 0..whole.len() {
        std::fs::write(&cut, &whole[..length]).expect("written");
        if let Ok(backup) = Backup::open(&cut) {
            let index = backup.index().expect("read");
            assert!(!index.has_ended(), "at {length}");
            assert_eq!(index.damage(), Vec::<String>::new(), "at {length}");
        }
    }
    std::fs::write(&cut, [&whole[..], &[0; 100]].concat()).expect("written");
    assert!(!read(&cut).1.has_ended(), "it is longer than it was");
    // A run that goes on takes the end back until it comes to its own.
    let vault = Vault::resume(&path, head().run).expect("its own");
    let group = vault.next_group();
    vault.put(group, vec![entry(50, 9)]).await.expect("put");
    vault.safe().await.expect("safe");
    assert!(!read(&path).1.has_ended());
    vault.close().await.expect("closed");
    let (saved, index) = read(&path);
    assert_eq!((saved.len(), index.damage().len()), (13, 0));
    assert!(index.has_ended());
}

/// A name is taken only by a file that holds something, or that another run may go on in.
#[tokio::test]
async fn a_file_that_nothing_was_put_into_is_gone_when_it_is_closed() {
    let (folder, path) = folder();
    for _ in 0..2 {
        let vault = Vault::create(&path, &head()).expect("the name is free");
        assert!(path.exists());
        vault.safe().await.expect("safe");
        let totals = vault.close().await.expect("closed");
        assert_eq!(totals, BackupTotals::default());
        assert!(!path.exists());
    }
    // What was put and is void was something.
    let vault = Vault::create(&path, &head()).expect("made");
    vault.put(0, vec![entry(0, 10)]).await.expect("put");
    vault.outcome(0, Outcome::Kept);
    vault.close().await.expect("closed");
    assert_eq!(read(&path).1.totals().void, 1);
    // An earlier run has made it.
    let vault = Vault::resume(&path, head().run).expect("its own");
    vault.close().await.expect("closed");
    assert!(path.exists());
    // What somebody else has put in its place is left alone.
    let own = folder.path().join("own.kpb");
    let vault = Vault::create(&own, &head()).expect("made");
    std::fs::rename(&own, folder.path().join("elsewhere.kpb")).expect("renamed");
    std::fs::write(&own, "not ours").expect("written");
    vault.close().await.expect("closed");
    assert_eq!(std::fs::read(&own).expect("there"), b"not ours");
}

/// Every record of blocks that were not hit comes back, and nothing that was never put.
fn check_damaged(path: &Path, all: &[Entry], hit: usize, starts: &[usize]) {
    let index = match Backup::open(path) {
        Ok(backup) => backup.index().expect("read"),
        Err(error) => panic!("byte {hit}: {error}"),
    };
    let saved: Vec<_> = (0..index.blocks())
        .flat_map(|nth| index.block(nth).expect("a block"))
        .collect();
    for one in &saved {
        assert!(
            all.iter().any(|entry| is(one, entry)),
            "byte {hit}: {one:?}"
        );
    }
    let own = starts.partition_point(|start| *start <= hit);
    for (number, entry) in all.iter().enumerate() {
        let is_hit = own > 0 && number / 3 == own - 1;
        let is_there = saved.iter().any(|saved| is(saved, entry));
        assert!(is_there || is_hit, "byte {hit}: record {number} is lost");
    }
    assert!(
        !index.damage().is_empty() || index.torn_bytes() > 0,
        "byte {hit}: nobody noticed"
    );
}

/// Where each block begins.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let marks = bytes.windows(4).enumerate();
    let found = marks
        .filter(|(at, window)| **window == super::frame::MARK && bytes.get(at + 4) == Some(&2));
    found.map(|(at, _)| at).collect()
}

#[tokio::test]
async fn a_flipped_bit_anywhere_costs_its_block_at_most() {
    let (folder, path) = folder();
    let all = write(&path, 4, 3, 40).await;
    let whole = std::fs::read(&path).expect("read");
    let starts = starts(&whole);
    let hit_path = folder.path().join("hit.kpb");
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&hit_path, &bytes).expect("written");
        check_damaged(&hit_path, &all, place, &starts);
    }
}

proptest! {
    #![proptest_config(Config::with_cases(60))]

    /// Whatever the bytes are, reading ends and gives back only what was put.
    #[test]
    fn nothing_that_is_read_was_never_put(
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        doubled in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (_folder, path) = folder();
        let all = runtime.block_on(write(&path, 5, 4, 60));
        let mut bytes = std::fs::read(&path).expect("read");
        if doubled {
            bytes.extend(bytes.clone());
        }
        for (place, value) in hits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
        std::fs::write(&path, &bytes).expect("written");
        if let Ok(backup) = Backup::open(&path) {
            let index = backup.index().expect("read");
            for saved in (0..index.blocks()).flat_map(|nth| index.block(nth).expect("a block")) {
                assert!(all.iter().any(|entry| is(&saved, entry)), "{saved:?}");
            }
        }
    }
}

/// A backup inside a value is no part of the file that holds it, even where that is damaged.
#[tokio::test]
async fn a_backup_inside_a_value_is_never_taken_for_the_file() {
    let (folder, path) = folder();
    let inner_path = folder.path().join("inner.kpb");
    let inner_head = BackupHead {
        run: RunToken::random(),
        ..head()
    };
    let vault = Vault::create(&inner_path, &inner_head).expect("made");
    vault.put(0, vec![entry(77, 40)]).await.expect("put");
    vault.close().await.expect("closed");
    let inner = std::fs::read(&inner_path).expect("read");
    let vault = Vault::create(&path, &head()).expect("made");
    let holder = Entry {
        value: Value::Text(inner.into()),
        ..entry(0, 0)
    };
    vault.put(0, vec![holder]).await.expect("put");
    vault.put(1, vec![entry(2, 10)]).await.expect("put");
    vault.close().await.expect("closed");
    let whole = std::fs::read(&path).expect("read");
    for place in starts(&whole)[0]..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        std::fs::write(&path, &bytes).expect("written");
        let (saved, _) = read(&path);
        assert!(
            saved.iter().all(|saved| saved.key() != &entry(77, 0).key),
            "byte {place}"
        );
    }
}
