//! Two owners of any bytes never meet: what one has is in no answer to the other, on real servers.

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;

use bytes::Bytes;
use common::{connect, raw, servers};
use keypace::{Namespace, Owner, OwnerKeys, PageRequest, Pattern, PutOptions, RecordId, Shelf};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

const CASES: u32 = 60;

/// Bytes that mean something to patterns, key names and scripts, and any others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::collection::vec(
        prop::sample::select(b"*?[]\\^-{}:\0\r\n ka1".to_vec()),
        1..12,
    );
    let short = prop::collection::vec(any::<u8>(), 1..40);
    let long = prop::collection::vec(any::<u8>(), 512);
    prop_oneof![4 => special, 3 => short, 1 => long]
}

/// Two that differ; often one begins with the other, or is what a key of the other might be called.
fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let related = (
        bytes(),
        prop::sample::select(vec![&b"*"[..], b":", b"}", b"\0", b"}:r:a", b"a"]),
    );
    let related = related.prop_map(|(owner, end)| {
        let longer = [&owner[..owner.len().min(500)], end].concat();
        (owner, longer)
    });
    let cases = (bytes(), Just(b"*".to_vec()));
    let pairs = prop_oneof![2 => (bytes(), bytes()), 2 => related, 1 => cases];
    pairs.prop_filter("two owners", |(one, other)| one != other)
}

/// Ids of both, a few of them the same.
fn ids() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[abA_-]{1,3}", 0..6)
}

async fn put_all(shelf: &Shelf, owner: &Owner, ids: &BTreeSet<String>, mark: &'static str) {
    for id in ids {
        let id = RecordId::new(id).expect("allowed");
        let body = Bytes::from_static(mark.as_bytes());
        let options = PutOptions::default();
        shelf.put(owner, &id, body, &options).await.expect("put");
    }
}

/// Whatever is asked for the owner shows these ids, with its own values.
async fn check(
    shelf: &Shelf,
    owner: &Owner,
    ids: &BTreeSet<String>,
    others: &BTreeSet<String>,
    mark: &str,
) {
    let page = PageRequest::first(100).expect("a page");
    let page = shelf.list(owner, &page).await.expect("listed");
    let listed: BTreeSet<String> = page.records.iter().map(|one| one.id.to_string()).collect();
    assert_eq!(&listed, ids);
    assert_eq!(page.total, ids.len() as u64);
    assert!(page.records.iter().all(|one| one.value == mark.as_bytes()));
    assert_eq!(shelf.count(owner).await.expect("counted"), ids.len() as u64);
    for text in ["*", "**", "[^x]*", "?*"] {
        let pattern = Pattern::new(text).expect("a pattern");
        let found = shelf.keys(owner, &pattern).await.expect("listed").ids;
        let found: BTreeSet<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(&found, ids, "{text}");
    }
    let all: Vec<RecordId> = ids
        .union(others)
        .map(|id| RecordId::new(id).expect("allowed"))
        .collect();
    let many = shelf.get_many(owner, &all).await.expect("asked");
    for (id, found) in all.iter().zip(many) {
        let one = shelf.get(owner, id).await.expect("asked");
        assert_eq!(found, one);
        let value = one.map(|one| one.value);
        let expected = ids
            .contains(id.as_str())
            .then(|| Bytes::copy_from_slice(mark.as_bytes()));
        assert_eq!(value, expected);
    }
}

#[test]
fn two_owners_of_any_bytes_never_see_each_others_records() {
    let runtime = Runtime::new().expect("a runtime");
    for server in servers() {
        let (keyspace, keys) = (
            runtime.block_on(connect(&server)),
            OwnerKeys::generate_in_memory(),
        );
        let namespace = Namespace::new("session").expect("allowed");
        let shelf = Shelf::open(&keyspace, namespace, keys.expect("random"));
        let shelf = runtime.block_on(shelf).expect("opened");
        let raw = RefCell::new(raw(&server));
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            source_file: Some(file!()),
            ..Config::default()
        });
        let outcome = runner.run(&(pair(), ids(), ids()), |((one, other), ones, others)| {
            let (ann, bob) = (
                Owner::new(&one).expect("allowed"),
                Owner::new(&other).expect("allowed"),
            );
            // What a case that failed has left would fail the smaller ones too.
            raw.borrow_mut().command(&[b"FLUSHALL"]).expect("asked");
            runtime.block_on(async {
                put_all(&shelf, &ann, &ones, "ann").await;
                put_all(&shelf, &bob, &others, "bob").await;
                check(&shelf, &ann, &ones, &others, "ann").await;
                check(&shelf, &bob, &others, &ones, "bob").await;
                let gone = shelf.delete_owner(&ann).await.expect("deleted");
                assert_eq!(gone, ones.len() as u64);
                check(&shelf, &ann, &BTreeSet::new(), &ones, "ann").await;
                check(&shelf, &bob, &others, &ones, "bob").await;
                for id in &others {
                    let id = RecordId::new(id).expect("allowed");
                    assert!(!shelf.delete(&ann, &id).await.expect("asked"));
                    assert!(shelf.delete(&bob, &id).await.expect("deleted"));
                }
            });
            let left = raw.borrow_mut().command(&[b"DBSIZE"]).expect("asked").int();
            if left == Some(0) {
                return Ok(());
            }
            Err(TestCaseError::fail(format!("{left:?} keys are left")))
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}
