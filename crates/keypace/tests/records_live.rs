//! Records against real servers and clusters, each the test's own: every change is one step with the index, lists are two
//! round trips, owners are apart. It looks at a server through the lab's client, never through what it tests.

#[path = "records_live/clusters.rs"]
mod clusters;
mod common;
#[path = "records_live/cuts.rs"]
mod cuts;
#[path = "records_live/lists.rs"]
mod lists;
#[path = "records_live/owners.rs"]
mod owners;
#[path = "records_live/seals.rs"]
mod seals;
#[path = "records_live/stage.rs"]
mod stage;

use std::time::Duration;

use bytes::Bytes;
use common::{raw, run, servers};
use keypace::{
    Buried, ErrorKind, Expiry, Import, Imported, Lifetime, PageRequest, PutOptions, Records,
    Version,
};
use keypace_lab::wait_until;
use stage::{HOUR, id, int, keys, namespace, now_ms, owner, shelf, version};

#[tokio::test]
async fn what_is_written_is_read_and_versions_only_rise() {
    for server in servers() {
        let shelf = shelf(&server).await;
        let (ann, a) = (owner("ann"), id("a"));
        let plain = PutOptions::default();
        assert_eq!(shelf.get(&ann, &a).await.expect("asked"), None);
        let first = shelf.create(&ann, &a, Bytes::from_static(b"1"), &plain);
        let first = first.await.expect("created");
        assert_eq!(first.created_ms, first.updated_ms);
        assert_eq!(first.expires_ms, None);
        let refused = shelf.create(&ann, &a, Bytes::new(), &plain).await;
        let refused = refused.expect_err("it is there");
        assert_eq!(refused.kind(), ErrorKind::Exists);
        assert_eq!(refused.version(), Some(first.version.get()));

        let second = shelf.put(&ann, &a, Bytes::from_static(b"2\n\0"), &plain);
        let second = second.await.expect("put");
        assert!(second.version > first.version);
        assert_eq!(second.created_ms, first.created_ms);
        assert!(second.updated_ms >= first.updated_ms);
        let stale = shelf.update(&ann, &a, first.version, Bytes::new(), &plain);
        let stale = stale.await.expect_err("it has changed");
        assert_eq!(stale.kind(), ErrorKind::Changed);
        assert_eq!(stale.version(), Some(second.version.get()));
        let third = shelf.update(&ann, &a, second.version, Bytes::from_static(b"3"), &plain);
        let third = third.await.expect("updated");
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(read.value, Bytes::from_static(b"3"));
        assert_eq!((read.id, read.version), (a.clone(), third.version));
        assert_eq!(read.created_ms, first.created_ms);
        assert_eq!(read.expiry, Expiry::Unasked);
        stage::expect_in_step(&mut raw(&server), &shelf, &ann, &["a"]);

        assert!(shelf.delete(&ann, &a).await.expect("deleted"));
        assert!(!shelf.delete(&ann, &a).await.expect("asked"));
        let gone = shelf.update(&ann, &a, third.version, Bytes::new(), &plain);
        let gone = gone.await.expect_err("it is gone");
        assert_eq!(gone.kind(), ErrorKind::Missing);
        let again = shelf
            .put(&ann, &a, Bytes::new(), &plain)
            .await
            .expect("put");
        assert!(again.version > third.version, "also after a delete");
        assert_eq!(shelf.metrics().written, 4);
        assert_eq!(shelf.metrics().deleted, 1);
    }
}

#[tokio::test]
async fn ten_writes_at_once_have_ten_versions() {
    for server in servers() {
        let shelf = shelf(&server).await;
        let (ann, a, plain) = (owner("ann"), id("a"), PutOptions::default());
        let put = || shelf.put(&ann, &a, Bytes::new(), &plain);
        let written = tokio::join!(put(), put(), put(), put(), put());
        let (one, two, three, four, five) = written;
        let mut versions =
            [one, two, three, four, five].map(|written| written.expect("put").version);
        versions.sort_unstable();
        assert!(
            versions.windows(2).all(|pair| pair[0] < pair[1]),
            "{versions:?}"
        );
        // A record that came with a version ahead of the clock is followed all the same.
        let ahead = Version::new(1 << 52).expect("allowed");
        let import = Import::new(ahead, 1, 2);
        let _ = shelf
            .import(&ann, &a, Bytes::new(), &import)
            .await
            .expect("imported");
        let next = put().await.expect("put");
        assert_eq!(next.version.get(), (1 << 52) + 1);
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(read.version, next.version);
    }
}

/// P41: a TTL that changed without the score.
#[tokio::test]
async fn p41_every_change_of_a_ttl_changes_the_score_by_the_servers_clock() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let (ann, a, b) = (owner("ann"), id("a"), id("b"));
        let before = now_ms(&mut raw);
        let hour = PutOptions::default().with_ttl(HOUR);
        let written = shelf.put(&ann, &a, Bytes::new(), &hour).await.expect("put");
        let expires = written.expires_ms.expect("a time");
        let hour_ms = HOUR.as_millis() as i64;
        assert!((before + hour_ms..=now_ms(&mut raw) + hour_ms).contains(&expires));
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a"]);

        let kept = PutOptions::default().with_lifetime(Lifetime::Kept);
        for _ in 0..20 {
            let again = shelf.put(&ann, &a, Bytes::new(), &kept).await.expect("put");
            assert_eq!(again.expires_ms, Some(expires), "to the millisecond");
        }
        shelf.put(&ann, &b, Bytes::new(), &kept).await.expect("put");
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a", "b"]);

        let version = shelf
            .get(&ann, &a)
            .await
            .expect("asked")
            .expect("there")
            .version;
        let touched = shelf
            .touch(&ann, &a, Some(2 * HOUR))
            .await
            .expect("touched");
        assert!(touched.expect("there").expect("a time") >= expires + hour_ms - 1000);
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a", "b"]);
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(read.version, version, "a touch is no new version");
        assert_eq!(
            shelf.touch(&ann, &a, None).await.expect("touched"),
            Some(None)
        );
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a", "b"]);
        assert_eq!(
            shelf.touch(&ann, &id("c"), None).await.expect("asked"),
            None
        );
        shelf.put(&ann, &a, Bytes::new(), &hour).await.expect("put");
        shelf.delete(&ann, &b).await.expect("deleted");
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a"]);
        let stale = shelf.touch(&ann, &a, Some(Duration::ZERO)).await;
        assert_eq!(stale.expect_err("refused").kind(), ErrorKind::InvalidOption);
    }
}

#[tokio::test]
async fn p40_an_owner_who_never_comes_back_leaves_nothing() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let short = PutOptions::default().with_ttl(Duration::from_millis(50));
        for n in 0..20 {
            let (owner, id) = (owner(&format!("o{}", n % 4)), id(&n.to_string()));
            shelf
                .put(&owner, &id, Bytes::new(), &short)
                .await
                .expect("put");
        }
        wait_until(
            "see nothing but meta",
            Duration::from_secs(20),
            || match int(&mut raw, &[b"DBSIZE"]) {
                1 => Ok(()),
                keys => Err(format!("{keys} keys are left").into()),
            },
        )
        .expect("expired");
    }
}

/// P40: an index that nobody lists grows for ever.
#[tokio::test]
async fn p40_an_index_that_is_only_written_to_does_not_grow() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let ann = owner("ann");
        let short = PutOptions::default().with_ttl(Duration::from_millis(1));
        shelf
            .put(&ann, &id("stays"), Bytes::new(), &PutOptions::default())
            .await
            .expect("put");
        for n in 0..300 {
            let id = id(&n.to_string());
            shelf
                .put(&ann, &id, Bytes::new(), &short)
                .await
                .expect("put");
        }
        let [by_created, by_expiry] = stage::indexes(&shelf, &ann);
        for index in [by_created, by_expiry] {
            let members = int(&mut raw, &[b"ZCARD", &index]);
            assert!(members < 30, "{members} members");
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_stops_a_write_before_anything_happened() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let ann = owner("ann");
        let plain = PutOptions::default();
        for part in ["c", "e", "s", "r:a", "t:a"] {
            let key = stage::key(&shelf, &ann, part);
            run(&mut raw, &[&[b"RPUSH", &key, b"x"]]);
            let refused = shelf.put(&ann, &id("a"), Bytes::new(), &plain).await;
            let refused = refused.expect_err("another type");
            assert_eq!(refused.kind(), ErrorKind::WrongType, "{refused:?}");
            let others = [
                shelf.touch(&ann, &id("a"), None).await.err(),
                shelf.delete(&ann, &id("a")).await.err(),
                shelf.bury(&ann, &id("a"), version(9)).await.err(),
            ];
            if part == "c" || part == "e" || part == "s" {
                let all = others.into_iter().flatten().map(|error| error.kind());
                assert_eq!(all.collect::<Vec<_>>(), [ErrorKind::WrongType; 3], "{part}");
                let list = shelf
                    .list(&ann, &PageRequest::first(5).expect("a page"))
                    .await;
                assert_eq!(list.expect_err("refused").kind(), ErrorKind::WrongType);
            }
            run(&mut raw, &[&[b"DEL", &key]]);
            let kept = format!("kp:{}:*", namespace());
            run(&mut raw, &[&[b"DEL", &stage::key(&shelf, &ann, "t:a")]]);
            assert_eq!(int(&mut raw, &[b"DBSIZE"]), 1, "{part}: {kept}");
        }
    }
}

#[tokio::test]
async fn an_import_never_goes_back() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let (ann, a) = (owner("ann"), id("a"));
        let at = |number: u64| Import::new(version(number), 1_000, 2_000);
        let import = async |number: u64| {
            let body = Bytes::from(number.to_string());
            shelf
                .import(&ann, &a, body, &at(number).with_ttl(HOUR))
                .await
                .expect("asked")
        };
        assert!(matches!(import(5).await, Imported::Written(_)));
        for older in [5, 4] {
            assert_eq!(import(older).await, Imported::Older(version(5)));
        }
        assert!(matches!(import(6).await, Imported::Written(_)));
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(
            (read.version, read.created_ms, read.updated_ms),
            (version(6), 1_000, 2_000)
        );
        assert_eq!(read.value, Bytes::from_static(b"6"));
        stage::expect_in_step(&mut raw, &shelf, &ann, &["a"]);

        let bury = async |number| shelf.bury(&ann, &a, version(number)).await.expect("asked");
        assert_eq!(bury(5).await, Buried::Older(version(6)));
        assert_eq!(bury(8).await, Buried::Gone(true));
        assert_eq!(
            bury(7).await,
            Buried::Gone(false),
            "and the tombstone is not lowered"
        );
        assert_eq!(shelf.get(&ann, &a).await.expect("asked"), None);
        for late in [6, 7, 8] {
            assert_eq!(import(late).await, Imported::Older(version(8)));
        }
        let tombstone = stage::key(&shelf, &ann, "t:a");
        let left = int(&mut raw, &[b"PTTL", &tombstone]);
        assert!((50_000..=60_000).contains(&left), "{left}");
        assert!(matches!(import(9).await, Imported::Written(_)));

        // The same version with another body is news of the same state; what is older or buried stays out all the same.
        let again = async |body: &'static str| {
            let said = shelf.import(&ann, &a, Bytes::from(body), &at(9)).await;
            said.expect("asked")
        };
        assert!(matches!(again("noted").await, Imported::Written(_)));
        assert_eq!(again("noted").await, Imported::Older(version(9)));
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!((read.version, &read.value[..]), (version(9), &b"noted"[..]));
        assert_eq!(import(8).await, Imported::Older(version(9)));

        let now = shelf.server_time_ms(&ann).await.expect("asked");
        let until = async |at_ms| {
            let late = at(10).with_not_after_ms(at_ms);
            let said = shelf
                .import(&ann, &a, Bytes::from_static(b"late"), &late)
                .await;
            said.expect("asked")
        };
        assert_eq!(until(now - 1).await, Imported::Late);
        let read = shelf.get(&ann, &a).await.expect("asked").expect("there");
        assert_eq!(read.version, version(9));
        assert!(matches!(until(now + 60_000).await, Imported::Written(_)));

        let over = shelf
            .import(&ann, &a, Bytes::new(), &at(11).with_expires_ms(5))
            .await;
        assert_eq!(over.expect("asked"), Imported::Expired);
        assert_eq!(shelf.get(&ann, &a).await.expect("asked"), None);
        assert_eq!(shelf.count(&ann).await.expect("counted"), 0);
    }
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[tokio::test]
async fn values_of_a_type_are_json_and_one_that_is_not_fails_no_other() {
    for server in servers() {
        let (shelf, mut raw) = (shelf(&server).await, raw(&server));
        let carts: Records<Cart> = Records::on(shelf.clone());
        let ann = owner("ann");
        let plain = PutOptions::default();
        let cart = |item: &str| Cart {
            items: vec![item.to_owned()],
        };
        for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let options = plain.clone().with_created_ms(n as i64);
            carts
                .put(&ann, &id(name), &cart(name), &options)
                .await
                .expect("put");
        }
        let secret = Bytes::from_static(b"{\"items\":\"hush-hush\"}");
        let options = plain.with_created_ms(1);
        shelf
            .put(&ann, &id("b"), secret, &options)
            .await
            .expect("put");
        run(
            &mut raw,
            &[&[b"SET", &stage::key(&shelf, &ann, "r:c"), b"hush-hush"]],
        );

        let read = carts
            .get(&ann, &id("a"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(read.value, cart("a"));
        for name in ["b", "c"] {
            let error = carts.get(&ann, &id(name)).await.expect_err("unreadable");
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
        let ids = ["d", "nobody", "b", "c", "a", "d"].map(id);
        let many = carts.get_many(&ann, &ids).await.expect("asked");
        let found: Vec<_> = many
            .iter()
            .map(|one| one.as_ref().map(|one| one.id.as_str()))
            .collect();
        assert_eq!(found, [Some("d"), None, None, None, Some("a"), Some("d")]);
        let page = carts
            .list(&ann, &PageRequest::first(10).expect("a page"))
            .await;
        let page = page.expect("listed");
        let listed: Vec<_> = page.records.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(listed, ["d", "a"]);
        assert_eq!((page.total, page.undecodable), (4, 2));
        assert_eq!(page.next, None);
        assert_eq!(carts.metrics().undecodable, 6);
        assert_eq!(keys(&carts, &ann, "*").await, ["d", "c", "b", "a"]);
    }
}
