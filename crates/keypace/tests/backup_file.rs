//! Backups as files: the bytes that the description promises, what is read of damaged ones, and that no bytes at all make
//! a reader fail in another way than by an error. Starts no server.

mod backup_bytes;
mod common;
#[path = "../../../fuzz/reading.rs"]
mod reading;

use std::path::PathBuf;

use backup_bytes::{About, Item, Record, file, removed};
use common::{deleting, finish, on, seeded, sweep};
use keypace::{Backup, BackupIndex, BackupTarget, Checkpoint, ErrorKind, Saved, SavedKind, Sweep};
use tempfile::TempDir;

fn about() -> About {
    About {
        server: "127.0.0.1:6379".to_owned(),
        database: 2,
    }
}

struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn holding(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("run.kpb");
        std::fs::write(&path, bytes).expect("written");
        path
    }
}

fn read(bytes: &[u8]) -> BackupIndex {
    let kept = Kept::new();
    let backup = Backup::open(&kept.holding(bytes)).expect("a backup");
    backup.index().expect("read")
}

fn all(index: &BackupIndex) -> Vec<Saved> {
    let blocks = (0..index.blocks()).map(|nth| index.block(nth).expect("a block"));
    blocks.flatten().collect()
}

fn keys(index: &BackupIndex) -> Vec<String> {
    let name = |saved: &Saved| String::from_utf8_lossy(saved.key().as_bytes()).into_owned();
    all(index).iter().map(name).collect()
}

#[test]
fn the_bytes_are_those_of_the_description() {
    let records = [
        Record::text("a", "value").until(1_800_000_000_000),
        Record::dump(b"\xff\x00", b"\x04payload"),
        Record::text("", ""),
    ];
    let index = read(&removed(&about(), &records));
    assert_eq!(
        (index.head().server.as_str(), index.head().database),
        ("127.0.0.1:6379", 2)
    );
    assert_eq!(index.head().patterns, [b"*".to_vec()]);
    assert_eq!(index.head().run.to_string(), "07".repeat(16));
    let saved = all(&index);
    assert_eq!(saved.len(), 3);
    for (saved, record) in saved.iter().zip(&records) {
        assert_eq!(saved.key().as_bytes(), record.key);
        assert_eq!(saved.value(), record.value);
        assert_eq!(saved.expires_at_ms(), record.expires_at_ms);
        assert_eq!(saved.kind() == SavedKind::Text, record.is_text);
    }
    assert_eq!(saved[1].type_name(), Some("hash"));
    assert!(index.damage().is_empty() && index.torn_bytes() == 0);
    assert!(index.has_ended());
    assert_eq!((index.totals().records, index.totals().raw_bytes), (3, 16));
}

#[test]
fn what_was_kept_is_void_and_of_doubtful_copies_the_newest_counts() {
    let entry = |group, key: &str, value: &str| Item::Entry(group, Record::text(key, value));
    let bytes = file(
        &about(),
        &[
            vec![
                entry(1, "kept", "old"),
                entry(2, "doubtful", "same"),
                entry(2, "once", "x"),
            ],
            vec![
                Item::Outcome(1, false),
                entry(3, "doubtful", "same"),
                Item::Outcome(3, true),
            ],
            vec![entry(4, "kept", "new"), Item::Outcome(4, true)],
        ],
    );
    let index = read(&bytes);
    assert_eq!(keys(&index), ["once", "doubtful", "kept"]);
    assert!(all(&index).iter().all(|saved| saved.value() != b"old"));
    assert_eq!((index.totals().records, index.totals().void), (3, 2));
}

/// A copy whose group has no outcome may be of a value that was deleted: it is hidden only by one that says the same.
#[test]
fn a_doubtful_copy_is_hidden_by_an_equal_one_only() {
    let old = Record::text("key", "old");
    let later = Record::text("key", "old").until(1_800_000_000_000);
    let other_form = Record::dump(b"key", b"old");
    for newer in [&later, &other_form, &Record::text("key", "new"), &old] {
        let blocks = [
            vec![Item::Entry(1, old.clone())],
            vec![Item::Entry(2, newer.clone()), Item::Outcome(2, true)],
        ];
        let index = read(&file(&about(), &blocks));
        let copies = if newer == &old { 1 } else { 2 };
        assert_eq!(keys(&index).len(), copies, "{newer:?}");
        assert_eq!(index.totals().records, copies as u64, "{newer:?}");
    }
}

#[test]
fn damage_is_named_and_the_rest_is_read() {
    let block = |nth: usize| {
        let record = |n| Record::text(&format!("key:{nth}:{n}"), "value");
        let entries = (0..4).map(|n| Item::Entry(nth as u64, record(n)));
        entries.collect::<Vec<_>>()
    };
    let whole = file(&about(), &[block(0), block(1), block(2)]);
    let marks: Vec<usize> = whole
        .windows(5)
        .enumerate()
        .filter(|(_, window)| **window == [0xb1, b'K', b'P', 0xf7, 2])
        .map(|(at, _)| at)
        .collect();
    assert_eq!(marks.len(), 3);
    // A header: its block is not found, and the next one tells what is missing.
    let mut bytes = whole.clone();
    bytes[marks[1] + 20] ^= 1;
    let index = read(&bytes);
    assert_eq!(keys(&index).len(), 8);
    assert_eq!(index.lost_records(), 4);
    let damage = index.damage().join("\n");
    assert!(
        damage.contains("before block 4: records 5 to 8"),
        "{damage}"
    );
    // A payload: its block and records are named.
    let mut bytes = whole.clone();
    bytes[marks[2] + 44 + 8] ^= 0xff;
    let index = read(&bytes);
    assert!(keys(&index).len() >= 8);
    let damage = index.damage().join("\n");
    assert!(
        damage.contains("block 4: ") && damage.contains("records 9 to 12"),
        "{damage}"
    );
    // An end that is missing is no damage.
    let index = read(&whole[..marks[2] + 60]);
    assert_eq!((keys(&index).len(), index.damage().len()), (8, 0));
    assert!(index.torn_bytes() > 44 && !index.has_ended());
}

#[test]
fn what_is_no_backup_is_refused() {
    let kept = Kept::new();
    let newer = b"keypace-backup 2\nwhatever comes then";
    for (bytes, words) in [
        (&b""[..], "no backup"),
        (b"keypace-checkpoint 2 00000000\n{}", "no backup"),
        (newer, "another version"),
    ] {
        let error = Backup::open(&kept.holding(bytes)).expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Guard);
        assert!(error.to_string().contains(words), "{error}");
    }
    let nowhere = kept.0.path().join("nowhere");
    let error = Backup::open(&nowhere).expect_err("nothing there");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(
        Backup::open(kept.0.path()).expect_err("a folder").kind(),
        ErrorKind::Io
    );
}

/// What is stopped before it saved anything leaves a place to go on from and no file, which is made when it goes on.
#[tokio::test]
async fn a_run_that_had_saved_nothing_goes_on_with_a_new_file() {
    let kept = Kept::new();
    let (file, place) = (
        kept.0.path().join("run.kpb"),
        kept.0.path().join("run.ckpt"),
    );
    let keyspace = on(&seeded()).await;
    let options = || sweep("session:*").with_backup(BackupTarget::new(&file));
    let mut stopped = deleting(&keyspace, &options()).await;
    assert!(file.exists());
    stopped.stop_handle().stop();
    while stopped.next().await.is_some() {}
    assert_eq!(stopped.summary().deleted, 0);
    stopped.save_checkpoint(&place).expect("saved");
    assert!(!file.exists());
    let resume = Checkpoint::load(&place).expect("a place");
    let summary = finish(deleting(&keyspace, &options().with_resume(resume)).await).await;
    assert!(summary.complete && summary.deleted > 0, "{summary:?}");
    let index = Backup::open(&file).and_then(Backup::index).expect("read");
    assert_eq!(index.totals().records, summary.deleted);
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// What a fuzzer does to an input.
fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len());
        let end = (at + 1 + numbers.below(60)).min(bytes.len());
        match numbers.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
    }
    bytes
}

#[test]
fn no_bytes_make_the_backup_reader_fail() {
    let scratch = reading::Scratch::new("backup-test");
    let entry =
        |group, n: usize| Item::Entry(group, Record::text(&format!("key:{n}"), &"v".repeat(n)));
    let seeds = [
        removed(&about(), &[]),
        removed(&about(), &[Record::text("a", "b")]),
        file(
            &about(),
            &[
                (0..40).map(|n| entry(1, n)).collect(),
                vec![Item::Outcome(1, false), entry(2, 5), Item::Outcome(2, true)],
                (0..9).map(|n| entry(3, n)).collect(),
            ],
        ),
    ];
    for seed in &seeds {
        reading::backup(&scratch, seed);
        let mut numbers = Numbers(seed.len() as u64);
        for _ in 0..500 {
            reading::backup(&scratch, &mutated(seed, &mut numbers));
        }
    }
}

#[tokio::test]
async fn no_bytes_make_the_checkpoint_reader_fail() {
    let kept = Kept::new();
    let path = kept.0.path().join("run.ckpt");
    let keyspace = on(&seeded()).await;
    let mut count = Sweep::count(&keyspace, sweep("session:*").with_prefix_depth(1))
        .await
        .expect("begun");
    count.next().await.expect("a step");
    count.save_checkpoint(&path).expect("saved");
    let seed = std::fs::read(&path).expect("read");
    let scratch = reading::Scratch::new("checkpoint-test");
    reading::checkpoint(&scratch, &seed);
    let mut numbers = Numbers(5);
    for _ in 0..500 {
        reading::checkpoint(&scratch, &mutated(&seed, &mut numbers));
    }
}
