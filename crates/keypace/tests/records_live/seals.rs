//! Owners whose records moved in a rotation of the owner key: a seal leads to them, or says which file is out of date.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use keypace::{ErrorKind, OwnerKeys, PageRequest, Pattern, PutOptions, Shelf};

use crate::common::{connect, raw, run, servers};
use crate::stage::{self, id, namespace, owner, version};

fn write_keys(path: &Path, keys: &[u8]) {
    let digits = |byte: &u8| format!("\"{}\"", format!("{byte:02x}").repeat(32));
    let keys: Vec<String> = keys.iter().map(digits).collect();
    fs::write(path, format!("{{\"keys\":[{}]}}", keys.join(","))).expect("written");
}

#[tokio::test]
async fn a_seal_leads_to_the_records_once_the_key_file_is_there() {
    for server in servers() {
        let (keyspace, mut raw) = (connect(&server).await, raw(&server));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        OwnerKeys::create(&path).expect("made, with its mode");
        write_keys(&path, &[1]);
        let open = async || {
            let keys = OwnerKeys::load(&path).expect("loaded");
            Shelf::open(&keyspace, namespace(), keys)
                .await
                .expect("opened")
        };
        let (ann, a, plain) = (owner("ann"), id("a"), PutOptions::default());
        let before = open().await;
        before
            .put(&ann, &a, Bytes::from_static(b"old"), &plain)
            .await
            .expect("put");
        let seal = stage::key(&before, &ann, "s");

        // Records are copied under the new tag, and the owner is sealed; the file has not come here yet.
        run(&mut raw, &[&[b"SET", &seal, b"2"]]);
        let first = PageRequest::first(5).expect("a page");
        let all = Pattern::new("*").expect("a pattern");
        let refused = [
            before.put(&ann, &a, Bytes::new(), &plain).await.err(),
            before.create(&ann, &a, Bytes::new(), &plain).await.err(),
            before
                .update(&ann, &a, version(1), Bytes::new(), &plain)
                .await
                .err(),
            before.touch(&ann, &a, None).await.err(),
            before.delete(&ann, &a).await.err(),
            before.bury(&ann, &a, version(1)).await.err(),
            before.delete_owner(&ann).await.err(),
            before.get(&ann, &a).await.err(),
            before.get_many(&ann, std::slice::from_ref(&a)).await.err(),
            before.list(&ann, &first).await.err(),
            before.count(&ann).await.err(),
            before.keys(&ann, &all).await.err(),
        ];
        for (at, error) in refused.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("call {at} is refused"));
            assert_eq!(error.kind(), ErrorKind::Guard, "{error:?}");
            assert!(error.to_string().contains("version 2"), "{error}");
        }
        let bob = owner("bob");
        before
            .put(&bob, &a, Bytes::new(), &plain)
            .await
            .expect("others are where they were");

        write_keys(&path, &[1, 2]);
        let fresh = open().await;
        fresh
            .put(&ann, &a, Bytes::from_static(b"new"), &plain)
            .await
            .expect("put");
        let read = before.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(read.value, Bytes::from_static(b"new"));
        assert_eq!(before.list(&ann, &first).await.expect("listed").total, 1);
        let found = before.keys(&ann, &all).await.expect("listed").ids;
        assert_eq!(found, std::slice::from_ref(&a));
        assert_eq!(
            fresh.get(&bob, &a).await.expect("asked").expect("there").id,
            a
        );
        assert!(before.metrics().sealed >= 13, "{:?}", before.metrics());

        // The rotation has ended: who meets one seal more needs no further one.
        let print = OwnerKeys::load(&path).expect("loaded").fingerprint();
        let meta: &[u8] = b"kp:app:cart:meta";
        run(
            &mut raw,
            &[&[
                b"HSET",
                meta,
                b"key_version",
                b"2",
                b"fingerprint",
                print.as_bytes(),
            ]],
        );
        assert_eq!(before.count(&ann).await.expect("counted"), 1);
        let met = before.metrics().sealed;
        assert_eq!(before.count(&ann).await.expect("counted"), 1);
        assert_eq!(before.metrics().sealed, met);
        assert_eq!(before.delete_owner(&ann).await.expect("deleted"), 1);
    }
}

#[tokio::test]
async fn a_key_file_that_does_not_go_on_from_ours_is_refused() {
    for server in servers() {
        let (keyspace, mut raw) = (connect(&server).await, raw(&server));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        OwnerKeys::create(&path).expect("made, with its mode");
        write_keys(&path, &[1]);
        let keys = OwnerKeys::load(&path).expect("loaded");
        let shelf = Shelf::open(&keyspace, namespace(), keys)
            .await
            .expect("opened");
        let ann = owner("ann");
        let seal = stage::key(&shelf, &ann, "s");
        run(&mut raw, &[&[b"SET", &seal, b"2"]]);
        write_keys(&path, &[3, 4]);
        let error = shelf.count(&ann).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Guard, "{error:?}");
        for nonsense in ["1", "0", "x", "-1"] {
            run(&mut raw, &[&[b"SET", &seal, nonsense.as_bytes()]]);
            for error in [
                shelf.count(&ann).await.expect_err("refused"),
                shelf.get(&ann, &id("a")).await.expect_err("refused"),
            ] {
                assert_eq!(error.kind(), ErrorKind::Guard, "{nonsense}: {error:?}");
            }
        }
    }
}
