//! Looks on the simulator: which questions go out in how many round trips, and what each refusal does to them.

mod ground;

use std::time::Duration;

use keypace_testkit::{Action, Rule, SimOptions};

use super::{Acts, Filters, Guard, Looked, Questions, Selector, check_ground};
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Size, Slot, Ttl, TypeName};
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Keyspace, Paced, Wire};

/// What the questions of a write to the socket are counted by.
const QUESTIONS: &[&str] = &[
    "IDLETIME\r\n",
    "REFCOUNT\r\n",
    "PTTL\r\n",
    "TYPE\r\n",
    "USAGE\r\n",
    "LEN\r\n",
    "CARD\r\n",
];

const KEYS: u64 = 200;
const HOUR: Duration = Duration::from_secs(3600);

/// How a look is done.
struct Way {
    filters: Filters,
    types: Vec<String>,
    extra: Questions,
    budget: Budget,
    in_cluster: bool,
}

impl Way {
    fn of(filters: Filters) -> Self {
        Self {
            filters,
            types: Vec::new(),
            extra: Questions::default(),
            budget: Budget::off(),
            in_cluster: false,
        }
    }

    fn selector(&self, keyspace: &Keyspace) -> Selector {
        let node = keyspace.node();
        let guard = Guard::new(&self.filters, &self.types);
        let paced = Paced::join(node, self.budget, Thresholds::default(), false);
        Selector::new(node, guard, self.extra, paced, self.in_cluster)
    }

    async fn look(&self, wire: &Wire, keys: &[Key]) -> Result<Looked> {
        let keyspace = wire.keyspace().await;
        self.selector(&keyspace).look(keys).await
    }

    async fn ground(&self, wire: &Wire, acts: Acts) -> Result<super::Ground> {
        let keyspace = wire.keyspace().await;
        let guard = Guard::new(&self.filters, &self.types);
        check_ground(keyspace.node(), &guard, self.extra, acts).await
    }
}

fn idle_over(idle: Duration) -> Filters {
    Filters::default().with_idle_over(idle).expect("inside")
}

fn kind() -> Questions {
    Questions {
        kind: true,
        ..Questions::default()
    }
}

fn all() -> Questions {
    Questions {
        kind: true,
        ttl: true,
        idle: true,
        size: true,
    }
}

fn names(prefix: &str, range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(|n| Key::new(format!("{prefix}{n}"))).collect()
}

/// Old keys, of which every second has a TTL and every fourth is large; then some that were used lately.
async fn seeded() -> (Wire, Vec<Key>) {
    let wire = Wire::default().counting(QUESTIONS);
    wire.sim.with_state(|state| {
        for n in 0..KEYS {
            let value = vec![b'x'; if n % 4 == 0 { 10_000 } else { 10 }];
            if n % 2 == 0 {
                state.set_with_ttl_ms(0, format!("k:{n}"), value, 3 * 3_600_000);
            } else {
                state.set(0, format!("k:{n}"), value);
            }
        }
    });
    tokio::time::advance(2 * HOUR).await;
    wire.sim.insert_strings("new:", 0..KEYS);
    let mut keys = names("k:", 0..KEYS);
    keys.extend(names("new:", 0..KEYS));
    keys.extend(names("gone:", 0..10));
    (wire, keys)
}

fn passed(looked: &Looked, keys: &[Key]) -> Vec<String> {
    assert_eq!(looked.facts.len(), keys.len());
    let pairs = looked.facts.iter().zip(keys);
    let passed = pairs.filter(|(facts, _)| facts.is_some());
    passed.map(|(_, key)| key.escaped().to_string()).collect()
}

fn every(nth: u64) -> Vec<String> {
    let all = (0..KEYS).filter(|n| n % nth == 0);
    all.map(|n| format!("k:{n}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stage_is_one_round_trip_and_what_fails_is_asked_nothing_more() {
    let (wire, keys) = seeded().await;
    let mut way = Way::of(idle_over(HOUR).with_has_ttl().with_size_over(4_000));
    way.extra = kind();
    let looked = way.look(&wire, &keys).await.expect("looked");
    assert_eq!(passed(&looked, &keys), every(4));
    let facts = looked.facts[0].as_ref().expect("passes");
    assert_eq!(facts.kind, Some(TypeName::String));
    assert_eq!(facts.ttl, Some(Ttl::Left(HOUR)));
    assert_eq!(facts.idle, Some(2 * HOUR));
    assert!(facts.size.is_some_and(|size| size.amount > 10_000));
    let (asked, old, large) = (keys.len(), KEYS as usize / 2, KEYS as usize / 4);
    // The cheap ones, whether values are shared, sizes, and what is wanted besides.
    assert_eq!(wire.writes(), [2 * asked, old, old, large]);
    for (command, number) in [
        ("OBJECT IDLETIME", asked),
        ("PTTL", asked),
        ("MEMORY USAGE", old),
        ("TYPE", large),
    ] {
        assert_eq!(wire.sim.count_of(command), number as u64, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_alone_is_three_round_trips() {
    let (wire, keys) = seeded().await;
    let mut way = Way::of(Filters::default());
    way.extra = all();
    let looked = way.look(&wire, &keys).await.expect("looked");
    assert_eq!(passed(&looked, &keys).len(), 2 * KEYS as usize);
    let there = 2 * KEYS as usize;
    assert_eq!(wire.writes(), [3 * keys.len(), there, there]);
    way.extra = Questions::default();
    let looked = way.look(&wire, &keys).await.expect("looked");
    assert_eq!(
        passed(&looked, &keys).len(),
        keys.len(),
        "nothing was asked"
    );
    assert_eq!(wire.writes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn under_a_budget_questions_are_cut_to_the_turns() {
    let (wire, keys) = seeded().await;
    let mut way = Way::of(Filters::default().with_has_ttl().with_size_over(4_000));
    way.budget = Budget::default();
    let looked = way.look(&wire, &keys).await.expect("looked");
    assert_eq!(passed(&looked, &keys), every(4));
    let writes = wire.writes();
    assert_eq!(writes[0], limits::COUNT_FIRST as usize, "{writes:?}");
    let cheap = writes.iter().scan(0, |sum, n| {
        *sum += n;
        (*sum <= keys.len()).then_some(*sum)
    });
    let turns = cheap.count();
    assert_eq!(writes[turns], limits::BATCH_FIRST as usize, "{writes:?}");
    assert_eq!(writes.iter().sum::<usize>(), keys.len() + KEYS as usize / 2);
}

/// What a look at all keys by TTL comes to where one question about `k:7` is refused so often with this text.
async fn refused(text: &str, times: u64, in_cluster: bool) -> (Result<Looked>, Vec<Key>) {
    let (wire, keys) = seeded().await;
    let rule = Rule::on("PTTL").with_arg("k:7").times(times);
    wire.sim.script(rule.then(Action::Error(text.to_owned())));
    let mut way = Way::of(Filters::default().with_no_ttl());
    way.in_cluster = in_cluster;
    (way.look(&wire, &keys).await, keys)
}

#[tokio::test(start_paused = true)]
async fn p28_what_may_pass_later_is_asked_again() {
    for text in [
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down",
        "OOM command not allowed",
        "NOREPLICAS Not enough good replicas to write",
        "MISCONF Redis is configured to save RDB snapshots",
    ] {
        for in_cluster in [false, true] {
            let (looked, keys) = refused(text, 2, in_cluster).await;
            let looked = looked.expect(text);
            assert_eq!(passed(&looked, &keys).len(), 300, "{text}");
            assert!(looked.elsewhere.is_empty(), "{text}");
            let (looked, _) = refused(text, 1000, in_cluster).await;
            let error = looked.expect_err("given up");
            assert!(error.context().starts_with(&text[..4]), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_keys_that_moved_are_to_be_walked_again() {
    for text in [
        "MOVED 7 h:7001",
        "ASK 7 h:7001",
        "CLUSTERDOWN Hash slot not served",
    ] {
        let (looked, keys) = refused(text, 1, true).await;
        let looked = looked.expect(text);
        assert_eq!(looked.elsewhere, [Slot::of(b"k:7")], "{text}");
        assert!(looked.facts[7].is_none());
        assert_eq!(passed(&looked, &keys).len(), 299, "{text}");
    }
    for (text, kind) in [
        ("MOVED 7 h:7001", ErrorKind::Moved),
        ("ASK 7 h:7001", ErrorKind::Ask),
    ] {
        let (looked, _) = refused(text, 1, false).await;
        assert_eq!(looked.expect_err("a single server").kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn p28_what_will_never_pass_ends_the_look() {
    for (text, kind, hint) in [
        (
            "NOPERM User u has no permissions to run the 'pttl' command",
            ErrorKind::Guard,
            "+pttl",
        ),
        (
            "NOPERM No permissions to access a key",
            ErrorKind::Guard,
            "~prefix",
        ),
        (
            "NOAUTH Authentication required.",
            ErrorKind::Auth,
            "password",
        ),
        (
            "READONLY You can't write against a read only replica.",
            ErrorKind::ReadOnly,
            "replica",
        ),
        (
            "ERR unknown command 'PTTL', with args beginning with: 'k:7' ",
            ErrorKind::UnknownCommand,
            "",
        ),
        (
            "CROSSSLOT Keys in request don't hash to the same slot",
            ErrorKind::CrossSlot,
            "",
        ),
        (
            "WRONGTYPE Operation against a key",
            ErrorKind::WrongType,
            "",
        ),
        ("NOSCRIPT No matching script.", ErrorKind::NoScript, ""),
        ("EXECABORT Transaction discarded", ErrorKind::Aborted, ""),
        ("ERR something new", ErrorKind::Server, ""),
    ] {
        for in_cluster in [false, true] {
            let (looked, _) = refused(text, 1000, in_cluster).await;
            let error = looked.expect_err(text);
            assert_eq!(error.kind(), kind, "{text}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
            assert!(!error.to_string().contains("k:7"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_begins_the_look_again() {
    for fault in [
        Action::DropConnection,
        Action::ExecuteThenDrop,
        Action::Stall,
        Action::CutReply { after_bytes: 1 },
    ] {
        let (wire, keys) = seeded().await;
        let way = Way::of(Filters::default().with_has_ttl().with_size_over(4_000));
        for command in ["PTTL", "MEMORY USAGE"] {
            wire.sim
                .script(Rule::on(command).nth(30).then(fault.clone()));
        }
        let looked = way.look(&wire, &keys).await.expect("looked");
        assert_eq!(passed(&looked, &keys), every(4), "{fault:?}");
        assert_eq!(wire.sim.rules_left(), 0, "{fault:?}");
    }
    let (wire, keys) = seeded().await;
    let dead = Rule::on("PTTL").nth(30).always();
    wire.sim.script(dead.then(Action::DropConnection));
    let way = Way::of(Filters::default().with_has_ttl());
    let error = way.look(&wire, &keys).await.expect_err("given up");
    assert_eq!(error.kind(), ErrorKind::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_look_is_begun_again_and_hears_no_reply_of_the_first() {
    for at in ["OBJECT IDLETIME", "PTTL", "MEMORY USAGE", "INFO"] {
        let (wire, keys) = seeded().await;
        let keyspace = wire.keyspace().await;
        let way = Way::of(idle_over(HOUR).with_has_ttl().with_size_over(4_000));
        let mut selector = way.selector(&keyspace);
        wire.sim
            .script(Rule::on(at).nth(1).then(Action::Delay(HOUR / 3600)));
        let short = tokio::time::timeout(Duration::from_millis(100), selector.look(&keys)).await;
        assert!(short.is_err(), "{at}: dropped half-way");
        let looked = selector.look(&keys).await.expect("looked");
        assert_eq!(passed(&looked, &keys), every(4), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn p31_near_a_threshold_small_collections_are_measured_whole() {
    let wire = Wire::default().counting(QUESTIONS);
    let member = |n: u64| format!("member:{n}").into_bytes();
    let set = |members| keypace_testkit::Value::Set((0..members).map(member).collect());
    let most = limits::WHOLE_SIZE_MAX_ELEMENTS;
    wire.sim.set(0, "small", set(10));
    wire.sim.set(0, "full", set(most));
    wire.sim.set(0, "huge", set(most + 1));
    wire.sim.set(0, "text", vec![b'x'; 200]);
    // A sample says 150 of each of them.
    let sampled = Rule::on("MEMORY USAGE").with_arg("5").always();
    wire.sim
        .script(sampled.then(Action::Reply(b":150\r\n".to_vec())));
    let keys: Vec<Key> = ["small", "full", "huge", "text", "none"]
        .map(Key::new)
        .to_vec();
    let way = Way::of(Filters::default().with_size_over(100));
    let looked = way.look(&wire, &keys).await.expect("looked");
    let sizes: Vec<Option<u64>> = (looked.facts.iter())
        .map(|facts| Some(facts.as_ref()?.size?.amount))
        .collect();
    assert!(sizes[0].is_some_and(|bytes| bytes > 150), "{sizes:?}");
    assert!(sizes[1].is_some_and(|bytes| bytes > 10_000), "{sizes:?}");
    assert_eq!(sizes[2..], [Some(150), Some(150), None]);
    // Sampled, their types, the lengths of the sets, and two of them whole.
    assert_eq!(wire.writes(), [5, 5, 3, 2]);

    // Far from it nothing more is asked; sampled away from the wrong side it is found.
    let wire_before = wire.writes().len();
    let way = Way::of(Filters::default().with_size_over(400));
    assert_eq!(
        passed(&way.look(&wire, &keys).await.expect("looked"), &keys),
        Vec::<String>::new()
    );
    assert_eq!(wire.writes().len(), wire_before + 1);
    let way = Way::of(Filters::default().with_size_over(290));
    assert_eq!(
        passed(&way.look(&wire, &keys).await.expect("looked"), &keys),
        ["small", "full"]
    );
}

#[tokio::test(start_paused = true)]
async fn p30c_elements_are_not_counted_where_that_makes_keys_young() {
    for (filters, counts) in [
        (idle_over(HOUR).with_size_over(100), false),
        (
            idle_over(HOUR).with_size_over(100).with_trust_idle(true),
            true,
        ),
        (Filters::default().with_size_over(100), true),
    ] {
        let options = SimOptions::default().without_command("CLIENT NO-TOUCH");
        let wire = Wire::with(options);
        let list = keypace_testkit::Value::List([b"a".to_vec()].into());
        wire.sim.set(0, "list", list);
        tokio::time::advance(2 * HOUR).await;
        let way = Way::of(filters);
        let looked = way.look(&wire, &[Key::new("list")]).await.expect("looked");
        assert_eq!(wire.sim.count_of("LLEN"), u64::from(counts));
        assert_eq!(looked.facts.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn p31_without_memory_usage_elements_are_counted_and_said_so() {
    let wire = Wire::with(SimOptions::default().without_command("MEMORY USAGE"));
    let list = |n| keypace_testkit::Value::List(vec![b"a".to_vec(); n].into());
    wire.sim.set(0, "long", list(30));
    wire.sim.set(0, "short", list(3));
    wire.sim.set(0, "text", vec![b'x'; 20]);
    let keys: Vec<Key> = ["long", "short", "text", "none"].map(Key::new).to_vec();
    let way = Way::of(Filters::default().with_size_over(10));
    let looked = way.look(&wire, &keys).await.expect("looked");
    assert_eq!(passed(&looked, &keys), ["long", "text"]);
    let size = looked.facts[0].as_ref().expect("passes").size;
    assert_eq!(size, Some(Size::elements(30)));
    let ground = way.ground(&wire, Acts::Deletes).await.expect("allowed");
    assert!(ground.counts_elements());
    // Counting makes keys young only where there is no NO-TOUCH.
    let both = || Way::of(idle_over(HOUR).with_size_over(10));
    let options = SimOptions::default().with_redis_version("7.2.0");
    let wire = Wire::with(options.without_command("MEMORY USAGE"));
    assert!(both().ground(&wire, Acts::Looks).await.is_ok());
    let options = SimOptions::default().with_redis_version("3.2.6");
    let error = both().ground(&Wire::with(options), Acts::Looks).await;
    let error = error.expect_err("keys would be young");
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("--trust-idle"))
    );
}
