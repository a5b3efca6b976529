//! Namespaces and owner keys: who may open what.

use bytes::Bytes;
use keypace::{ErrorKind, Namespace, OwnerKeys, PageRequest, PutOptions, Shelf};

use crate::common::{connect, raw, run, servers};
use crate::stage::{self, id, int, namespace, owner, owner_keys};

#[tokio::test]
async fn a_namespace_opens_with_its_own_key_only_and_never_as_an_empty_list() {
    for server in servers() {
        let keyspace = connect(&server).await;
        let none = Shelf::find(&keyspace, namespace(), owner_keys()).await;
        assert!(none.expect("asked").is_none());
        assert_eq!(
            int(&mut raw(&server), &[b"DBSIZE"]),
            0,
            "a look begins nothing"
        );
        let shelf = stage::shelf(&server).await;
        let ann = owner("ann");
        let plain = PutOptions::default();
        shelf
            .put(&ann, &id("a"), Bytes::new(), &plain)
            .await
            .expect("put");

        let other = OwnerKeys::generate_in_memory().expect("random");
        for opened in [
            Shelf::open(&keyspace, namespace(), other.clone())
                .await
                .map(Some),
            Shelf::find(&keyspace, namespace(), other).await,
        ] {
            let error = opened.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Guard);
            assert!(error.to_string().contains("fingerprint"), "{error}");
            assert!(
                error.hint().expect("a hint").contains("copy the key file"),
                "{error:?}"
            );
        }
        let again = Shelf::open(&keyspace, namespace(), owner_keys())
            .await
            .expect("opened");
        assert_eq!(again.count(&ann).await.expect("counted"), 1);
        // A rotation that has not ended: the namespace is still at the first key.
        let rotated = OwnerKeys::from_keys(vec![[7; 32], [8; 32]]).expect("keys");
        let ahead = Shelf::open(&keyspace, namespace(), rotated.clone())
            .await
            .expect("opened");
        assert_eq!(ahead.count(&ann).await.expect("counted"), 1);
        let print = rotated.fingerprint();
        let meta: &[u8] = b"kp:app:cart:meta";
        run(
            &mut raw(&server),
            &[&[
                b"HSET",
                meta,
                b"key_version",
                b"2",
                b"fingerprint",
                print.as_bytes(),
            ]],
        );
        let error = Shelf::open(&keyspace, namespace(), owner_keys()).await;
        let error = error.expect_err("an old file");
        assert_eq!(error.kind(), ErrorKind::Guard);
        assert!(error.to_string().contains("version 2"), "{error}");
        run(&mut raw(&server), &[&[b"HSET", meta, b"layout", b"2"]]);
        let error = Shelf::open(&keyspace, namespace(), rotated)
            .await
            .expect_err("newer");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let beside = Namespace::new("app").expect("allowed");
        let fresh = OwnerKeys::generate_in_memory().expect("random");
        let beside = Shelf::open(&keyspace, beside, fresh)
            .await
            .expect("another namespace");
        assert_eq!(beside.count(&ann).await.expect("counted"), 0);
    }
}

#[tokio::test]
async fn the_same_id_under_two_owners_is_two_records_and_no_key_names_an_owner() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let (ann, bob) = (owner("ann-secret"), owner("bob-secret"));
        let plain = PutOptions::default();
        for (owner, body) in [(&ann, "1"), (&bob, "2")] {
            let body = Bytes::from_static(body.as_bytes());
            shelf
                .create(owner, &id("a"), body, &plain)
                .await
                .expect("created");
        }
        shelf.delete(&bob, &id("a")).await.expect("deleted");
        let read = shelf
            .get(&ann, &id("a"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(read.value, Bytes::from_static(b"1"));
        let page = shelf
            .list(&bob, &PageRequest::first(5).expect("a page"))
            .await;
        assert_eq!(page.expect("listed").total, 0);
        let found = stage::ask(&mut raw, &[b"KEYS", b"*"]);
        for key in found.items().expect("a list") {
            let key = stage::text(key);
            assert!(
                key.starts_with("kp:app:cart:") && !key.contains("secret"),
                "{key}"
            );
        }
        let shown = format!("{shelf:?} {ann:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("0707"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn two_that_begin_at_once_begin_one_namespace() {
    for server in servers() {
        let keyspace = connect(&server).await;
        let keys = || OwnerKeys::generate_in_memory().expect("random");
        let open = async |keys| Shelf::open(&keyspace, namespace(), keys).await;
        let (one, other) = tokio::join!(open(keys()), open(keys()));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn what_asks_for_nothing_sends_nothing() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let before = stage::calls(&mut raw);
        let none = shelf.get_many(&owner("ann"), &[]).await.expect("asked");
        assert!(none.is_empty());
        assert!(stage::calls_since(&mut raw, &before).is_empty());
    }
}
