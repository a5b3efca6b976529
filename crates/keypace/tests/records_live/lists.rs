//! Pages: order, ties, cursors, numbers, totals; how many commands they are; dead members.

use bytes::Bytes;
use keypace::{Cursor, Expiry, Owner, PageRequest, Pattern, PutOptions, RecordPage, Shelf};
use keypace_lab::Raw;

use crate::common::{Random, raw, run, servers};
use crate::stage::{self, HOUR, calls, calls_since, id, key, owner};

async fn put(shelf: &Shelf, owner: &Owner, name: &str, created_ms: i64) {
    let options = PutOptions::default().with_created_ms(created_ms);
    let body = Bytes::copy_from_slice(name.as_bytes());
    shelf
        .put(owner, &id(name), body, &options)
        .await
        .expect("put");
}

fn first(size: u32) -> PageRequest {
    PageRequest::first(size).expect("a page")
}

fn after(cursor: &Cursor, size: u32) -> PageRequest {
    PageRequest::after(cursor.clone(), size).expect("a page")
}

fn names(page: &RecordPage<Bytes>) -> Vec<String> {
    let names = page.records.iter().map(|one| {
        assert_eq!(one.value, one.id.as_str().as_bytes());
        one.id.to_string()
    });
    names.collect()
}

/// All pages by cursors, each passed on as text.
async fn walk(shelf: &Shelf, owner: &Owner, size: u32) -> Vec<String> {
    let mut page = shelf.list(owner, &first(size)).await.expect("listed");
    let mut all = names(&page);
    while let Some(next) = page.next {
        let next = Cursor::parse(&next.to_string()).expect("a cursor");
        page = shelf
            .list(owner, &after(&next, size))
            .await
            .expect("listed");
        all.extend(names(&page));
    }
    all
}

/// Members without a record, as what deletes records past us leaves them.
fn delete_behind_the_index(raw: &mut Raw, shelf: &Shelf, owner: &Owner, ids: &[String]) {
    for id in ids {
        run(raw, &[&[b"DEL", &key(shelf, owner, &format!("r:{id}"))]]);
    }
}

#[tokio::test]
async fn newest_come_first_ties_by_id_whichever_way_they_are_paged() {
    let mut random = Random::seeded();
    for server in servers() {
        let shelf = stage::shelf(&server).await;
        let ann = owner("ann");
        // More than 128 members, from which on a sorted set is kept in another way.
        for count in [40, 160] {
            let mut records: Vec<(i64, String)> = (0..count)
                .map(|n| {
                    let name = ["-", "_", "A", "a", "0", "Zz"][random.below(6) as usize];
                    (-(random.below(5) as i64) + 2, format!("{name}{n}"))
                })
                .collect();
            for (created, name) in &records {
                put(&shelf, &ann, name, *created).await;
            }
            records.sort_by(|one, other| (-one.0, &one.1).cmp(&(-other.0, &other.1)));
            let expected: Vec<String> = records.into_iter().map(|(_, name)| name).collect();
            for size in [1, 7, 39, 40, 1000] {
                assert_eq!(walk(&shelf, &ann, size).await, expected, "pages of {size}");
            }
            for (number, chunk) in expected.chunks(9).enumerate() {
                let request = PageRequest::number(number as u64 + 1, 9).expect("a page");
                let page = shelf.list(&ann, &request).await.expect("listed");
                assert_eq!(names(&page), chunk);
                assert_eq!(page.total, count as u64);
            }
            for past in [count as u64 / 9 + 2, u64::MAX] {
                let request = PageRequest::number(past, 9).expect("a page");
                let page = shelf.list(&ann, &request).await.expect("listed");
                assert_eq!((page.records.len(), page.total), (0, count as u64));
                assert_eq!(page.next, None);
            }
            assert_eq!(shelf.count(&ann).await.expect("counted"), count as u64);
            assert_eq!(
                shelf.delete_owner(&ann).await.expect("deleted"),
                count as u64
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_stays_where_it_is_while_records_come_and_go() {
    let mut random = Random::seeded();
    for server in servers() {
        let shelf = stage::shelf(&server).await;
        let ann = owner("ann");
        let mut there: Vec<(i64, String)> = Vec::new();
        let order = |one: &(i64, String)| (-one.0, one.1.clone());
        for n in 0..60 {
            let (created, name) = (random.below(4) as i64, format!("r{:02}", n * 7 % 60));
            put(&shelf, &ann, &name, created).await;
            there.push((created, name));
        }
        for round in 0..60_u64 {
            there.sort_by_key(order);
            let page = shelf
                .list(&ann, &first(1 + round as u32 % 12))
                .await
                .expect("listed");
            let next = page.next.expect("more");
            let last = page.records.last().expect("one");
            let place = order(&(last.created_ms, last.id.to_string()));
            if round % 2 == 0 {
                shelf.delete(&ann, &last.id).await.expect("deleted");
                there.retain(|one| order(one) != place);
            }
            let victim = there.swap_remove(random.below(there.len() as u64) as usize);
            shelf.delete(&ann, &id(&victim.1)).await.expect("deleted");
            for n in 0..2 {
                let new = (random.below(4) as i64, format!("n{round}-{n}"));
                put(&shelf, &ann, &new.1, new.0).await;
                there.push(new);
            }
            let mut behind: Vec<_> = there.iter().filter(|one| order(one) > place).collect();
            behind.sort_by_key(|one| order(one));
            let expected: Vec<_> = behind
                .into_iter()
                .take(5)
                .map(|one| one.1.clone())
                .collect();
            let page = shelf.list(&ann, &after(&next, 5)).await.expect("listed");
            assert_eq!(names(&page), expected, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_list_is_two_commands_whatever_the_size() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        for n in 0..30 {
            put(&shelf, &ann, &format!("a{n:02}"), n).await;
        }
        // Both scripts are known from here on, as they are after a server's first page.
        shelf.list(&ann, &first(20)).await.expect("listed");
        for others in [0, 5_000] {
            let mut seed = raw.pipeline();
            for n in 0..others {
                seed.add(&[b"SET", format!("other:{n}").as_bytes(), b"x"]);
            }
            seed.run().expect("seeded");
            let (before, round_trips) = (calls(&mut raw), server_events(&mut raw));
            let page = shelf.list(&ann, &first(20)).await.expect("listed");
            let calls = calls_since(&mut raw, &before);
            assert_eq!((page.records.len(), page.total), (20, 30));
            assert_eq!(calls.get("evalsha"), Some(&1), "{calls:?}");
            assert_eq!(calls.get("mget"), Some(&1), "{calls:?}");
            let of_script = [
                "evalsha", "get", "time", "zcount", "zrange", "zcard", "zscore",
            ];
            let beside: Vec<_> = calls
                .keys()
                .filter(|name| !of_script.contains(&name.as_str()) && *name != "mget")
                .collect();
            assert!(beside.is_empty(), "{calls:?}");
            // Two reads of a socket, and those of the INFOs in between.
            let reads = server_events(&mut raw) - round_trips;
            assert!((2..=5).contains(&reads), "{reads} reads");
        }
        let metrics = shelf.metrics();
        assert_eq!(
            (metrics.lists, metrics.lists_refilled, metrics.pruned),
            (3, 0, 0)
        );
        assert_eq!(metrics.largest_total, 30);
        assert!(metrics.list_p50_us > 0 && metrics.list_p50_us <= metrics.list_max_us);
    }
}

/// How often the server has read from a socket.
fn server_events(raw: &mut Raw) -> u64 {
    let stats = raw.info("stats").expect("given");
    stats["total_reads_processed"].parse().expect("a number")
}

#[tokio::test]
async fn a_few_dead_members_cost_one_call_and_the_page_is_full() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        for n in 0..40 {
            put(&shelf, &ann, &format!("a{n:02}"), -n).await;
        }
        let dead = ["a00", "a07", "a19"].map(str::to_owned);
        shelf.list(&ann, &first(20)).await.expect("listed");
        shelf.delete(&ann, &id("none")).await.expect("asked");
        delete_behind_the_index(&mut raw, &shelf, &ann, &dead);
        let before = calls(&mut raw);
        let page = shelf.list(&ann, &first(20)).await.expect("listed");
        assert_eq!((page.records.len(), page.total), (20, 37));
        let spent = calls_since(&mut raw, &before);
        let sent = ["evalsha", "eval", "mget"].map(|name| spent.get(name).copied().unwrap_or(0));
        // The script that prunes is new to the server: by its digest, then by its text.
        assert_eq!(sent, [2, 1, 1], "{spent:?}");
        assert_eq!(shelf.metrics().pruned, 3);
        assert_eq!(shelf.metrics().lists_refilled, 0);
        let before = calls(&mut raw);
        let again = shelf.list(&ann, &first(20)).await.expect("listed");
        assert_eq!(calls_since(&mut raw, &before).get("evalsha"), Some(&1));
        assert_eq!((names(&again), again.total), (names(&page), 37));
        assert_eq!(stage::check_in_step(&mut raw, &shelf, &ann).len(), 37);
    }
}

#[tokio::test]
async fn a_page_that_is_short_takes_two_round_trips_more_and_no_further() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        let all: Vec<String> = (0..100).map(|n| format!("a{n:02}")).collect();
        for (n, name) in all.iter().enumerate() {
            put(&shelf, &ann, name, -(n as i64)).await;
        }
        shelf.list(&ann, &first(10)).await.expect("listed");
        // Two looks of 18 see 36 members, of which 24 are dead.
        delete_behind_the_index(&mut raw, &shelf, &ann, &all[..24]);
        let before = calls(&mut raw);
        let page = shelf.list(&ann, &first(10)).await.expect("listed");
        let spent = calls_since(&mut raw, &before);
        assert_eq!(names(&page), all[24..34]);
        assert_eq!(spent.get("mget"), Some(&2), "{spent:?}");
        assert_eq!(
            (shelf.metrics().lists_refilled, shelf.metrics().pruned),
            (1, 24)
        );

        // More dead ones than two looks see: the page is short, and it goes on behind them.
        delete_behind_the_index(&mut raw, &shelf, &ann, &all[24..80]);
        let before = calls(&mut raw);
        let page = shelf.list(&ann, &first(10)).await.expect("listed");
        let spent = calls_since(&mut raw, &before);
        assert_eq!(page.records.len(), 0);
        assert_eq!(spent.get("mget"), Some(&2), "{spent:?}");
        assert!(page.next.is_some(), "there is more behind");
        assert_eq!(walk(&shelf, &ann, 10).await, all[80..]);
        assert_eq!(walk(&shelf, &ann, 10).await, all[80..]);
        assert_eq!(stage::check_in_step(&mut raw, &shelf, &ann).len(), 20);
    }
}

/// Members whose time is over are dropped in bounds, and never counted.
#[tokio::test]
async fn p40_expired_members_are_dropped_in_bounds_and_never_counted() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        for n in 0..5 {
            put(&shelf, &ann, &format!("live{n}"), 0).await;
        }
        let [by_created, by_expiry] = stage::indexes(&shelf, &ann);
        let mut seed = raw.pipeline();
        for n in 0..2_000 {
            let name = format!("dead{n}");
            seed.add(&[b"ZADD", &by_created, b"-9", name.as_bytes()]);
            seed.add(&[b"ZADD", &by_expiry, b"1000", name.as_bytes()]);
        }
        seed.run().expect("seeded");
        let count = |raw: &mut Raw| stage::int(raw, &[b"ZCARD", &by_created]);
        assert_eq!(shelf.count(&ann).await.expect("counted"), 5);
        assert_eq!(count(&mut raw), 2_005 - 512);
        let page = shelf.list(&ann, &first(20)).await.expect("listed");
        assert_eq!(page.total, 5);
        assert_eq!(
            count(&mut raw),
            2_005 - 3 * 512,
            "a short page looks once more"
        );
        let page = shelf.list(&ann, &first(20)).await.expect("listed");
        assert_eq!((page.records.len(), page.total, page.next), (5, 5, None));
        assert_eq!(stage::check_in_step(&mut raw, &shelf, &ann).len(), 5);
        assert_eq!(
            shelf.metrics().pruned,
            0,
            "nothing was found without its record"
        );
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_listed_all_the_same() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        for n in 0..30 {
            put(&shelf, &ann, &format!("a{n:02}"), -n).await;
        }
        let [by_created, by_expiry] = stage::indexes(&shelf, &ann);
        run(
            &mut raw,
            &[
                &[b"ZADD", &by_created, b"-9", b"dead"],
                &[b"ZADD", &by_expiry, b"1000", b"dead"],
            ],
        );
        delete_behind_the_index(&mut raw, &shelf, &ann, &["a03".to_owned()]);
        run(
            &mut raw,
            &[&[b"CONFIG", b"SET", b"min-replicas-to-write", b"1"]],
        );
        let page = shelf.list(&ann, &first(20)).await.expect("listed");
        assert_eq!((page.records.len(), page.total), (20, 29));
        assert_eq!(
            shelf.count(&ann).await.expect("counted"),
            30,
            "one has no record"
        );
    }
}

#[tokio::test]
async fn a_list_says_when_records_expire() {
    for server in servers() {
        let shelf = stage::shelf(&server).await;
        let ann = owner("ann");
        put(&shelf, &ann, "stays", 1).await;
        let options = PutOptions::default().with_ttl(HOUR).with_created_ms(0);
        let written = shelf
            .put(&ann, &id("goes"), Bytes::from_static(b"goes"), &options)
            .await;
        let expires = written.expect("put").expires_ms.expect("a time");
        let page = shelf.list(&ann, &first(5)).await.expect("listed");
        let expiries: Vec<_> = page.records.iter().map(|one| one.expiry).collect();
        assert_eq!(expiries, [Expiry::Never, Expiry::At(expires)]);
        let cursor = page.records[0].cursor();
        let page = shelf.list(&ann, &after(&cursor, 5)).await.expect("listed");
        assert_eq!(names(&page), ["goes"]);
    }
}

#[tokio::test]
async fn keys_are_those_that_are_there_and_match_and_their_number_is_bounded() {
    for server in servers() {
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        let found = async |pattern: &str| {
            let pattern = Pattern::new(pattern.to_owned()).expect("a pattern");
            let found = shelf.keys(&ann, &pattern).await.expect("listed");
            let ids: Vec<_> = found.ids.iter().map(ToString::to_string).collect();
            (ids, found.truncated)
        };
        for (n, name) in ["cart-1", "cart-2", "list-1"].into_iter().enumerate() {
            put(&shelf, &ann, name, n as i64).await;
        }
        delete_behind_the_index(&mut raw, &shelf, &ann, &["cart-2".to_owned()]);
        assert_eq!(found("cart-*").await, (vec!["cart-1".to_owned()], false));
        assert_eq!(found("*").await.0, ["list-1", "cart-1"]);
        let [by_created, by_expiry] = stage::indexes(&shelf, &ann);
        let mut seed = raw.pipeline();
        for n in 0..10_000 {
            let name = format!("n{n}");
            seed.add(&[b"ZADD", &by_created, b"-9", name.as_bytes()]);
            seed.add(&[b"ZADD", &by_expiry, b"+inf", name.as_bytes()]);
            seed.add(&[
                b"SET",
                &key(&shelf, &ann, &format!("r:{name}")),
                b"k1 1 9 9\n",
            ]);
        }
        seed.run().expect("seeded");
        let (ids, truncated) = found("n*").await;
        assert_eq!((ids.len(), truncated), (10_000, false));
        let (ids, truncated) = found("*").await;
        assert_eq!((ids.len(), truncated), (10_000, true));
        assert_eq!(shelf.delete_owner(&ann).await.expect("deleted"), 10_002);
        assert_eq!(stage::int(&mut raw, &[b"DBSIZE"]), 1);
    }
}
