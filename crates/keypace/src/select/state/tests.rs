//! The guard's boundaries one by one, and the guard against a model that was written another way.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{Guard, Verdict};
use crate::key::{Facts, Size, Ttl, TypeName};
use crate::limits;
use crate::select::Filters;

const NO_TYPES: &[String] = &[];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn guard(filters: &Filters) -> Guard {
    filters.check().expect("no contradiction");
    Guard::new(filters, NO_TYPES)
}

fn some() -> Filters {
    Filters::default()
}

fn with_ttl(ttl: Option<u64>) -> Facts {
    Facts {
        ttl: Some(ttl.map_or(Ttl::None, |left| Ttl::Left(ms(left)))),
        ..Facts::default()
    }
}

fn with_idle(seconds: u64) -> Facts {
    Facts {
        idle: Some(Duration::from_secs(seconds)),
        ..Facts::default()
    }
}

fn with_size(kind: Option<TypeName>, size: Size) -> Facts {
    Facts {
        kind,
        size: Some(size),
        ..Facts::default()
    }
}

#[test]
fn boundaries_of_ttl() {
    let passes = |filters: &Filters, ttl| guard(filters).judge(&with_ttl(ttl)) == Verdict::Passes;
    let under = some().with_ttl_under(ms(1000));
    let over = some().with_ttl_over(ms(1000));
    let between = some().with_ttl_over(ms(999)).with_ttl_under(ms(1001));
    // What is left in ms, then has, no, under, over, between.
    for (ttl, expected) in [
        (None, [false, true, false, false, false]),
        (Some(0), [true, false, true, false, false]),
        (Some(999), [true, false, true, false, false]),
        (Some(1000), [true, false, false, false, true]),
        (Some(1001), [true, false, false, true, false]),
        (Some(u64::MAX), [true, false, false, true, false]),
    ] {
        let (has, no) = (some().with_has_ttl(), some().with_no_ttl());
        let found = [&has, &no, &under, &over, &between].map(|filters| passes(filters, ttl));
        assert_eq!(found, expected, "{ttl:?}");
    }
}

#[test]
fn boundaries_of_idle_time_are_whole_seconds() {
    let idle = |idle| guard(&some().with_idle_over(idle).expect("inside"));
    let exactly = idle(Duration::from_secs(60));
    let part = idle(ms(60_001));
    for (seconds, expected) in [(0, false), (59, false), (60, true), (61, true)] {
        let found = exactly.judge(&with_idle(seconds)) == Verdict::Passes;
        assert_eq!(found, expected, "{seconds}");
    }
    assert_eq!(part.judge(&with_idle(60)), Verdict::Fails);
    assert_eq!(part.judge(&with_idle(61)), Verdict::Passes);
}

#[test]
fn boundaries_of_size_and_what_is_near_them() {
    let over = guard(&some().with_size_over(1000));
    let under = guard(&some().with_size_under(1000));
    let both = [&over, &under];
    let judged = |kind: Option<TypeName>, size| {
        both.map(|guard| guard.judge(&with_size(kind.clone(), size)))
    };
    use Verdict::{Fails, Measure, Passes};
    for (bytes, expected) in [
        (0, [Fails, Passes]),
        (499, [Fails, Passes]),
        (500, [Measure, Measure]),
        (1000, [Measure, Measure]),
        (2000, [Measure, Measure]),
        (2001, [Passes, Fails]),
    ] {
        let (set, nothing) = (Some(TypeName::Set), None);
        assert_eq!(judged(set, Size::bytes(bytes)), expected, "{bytes}");
        assert_eq!(judged(nothing, Size::bytes(bytes)), expected, "{bytes}");
    }
    // Strings are measured whole, elements are counted, and what is measured is as good as it gets.
    for (amount, expected) in [
        (999, [Fails, Passes]),
        (1000, [Fails, Fails]),
        (1001, [Passes, Fails]),
    ] {
        let text = Some(TypeName::String);
        assert_eq!(judged(text, Size::bytes(amount)), expected, "{amount}");
        assert_eq!(judged(None, Size::elements(amount)), expected, "{amount}");
        let facts = with_size(None, Size::bytes(amount));
        assert_eq!(both.map(|guard| guard.judge_measured(&facts)), expected);
        assert!(both.iter().all(|guard| !guard.rules_out(&facts)));
    }
    assert!(over.rules_out(&with_size(None, Size::bytes(499))));
    assert!(!under.rules_out(&with_size(None, Size::bytes(499))));
    // A huge threshold and none at all.
    let huge = guard(&some().with_size_over(u64::MAX));
    let facts = with_size(None, Size::bytes(u64::MAX));
    assert_eq!(huge.judge(&facts), Measure);
    assert_eq!(guard(&some()).judge(&facts), Passes);
}

#[test]
fn types_in_any_case_and_modules_too() {
    let types = ["hash".to_owned(), "rejson-rl".to_owned()];
    let guard = Guard::new(&some(), &types);
    let judged = |name: &str| {
        guard.judge(&Facts {
            kind: Some(TypeName::from(name)),
            ..Facts::default()
        })
    };
    assert_eq!(judged("hash"), Verdict::Passes);
    assert_eq!(judged("ReJSON-RL"), Verdict::Passes);
    assert_eq!(judged("zset"), Verdict::Fails);
    assert!(guard.questions().kind && !guard.is_empty() && !guard.asks_idle());
}

#[test]
fn what_was_not_learnt_fails_but_rules_nothing_out() {
    let idle = some().with_idle_over(ms(1000)).expect("inside");
    for filters in [idle, some().with_no_ttl(), some().with_size_over(1)] {
        let guard = guard(&filters);
        assert_eq!(guard.judge(&Facts::default()), Verdict::Fails);
        assert_eq!(guard.judge_measured(&Facts::default()), Verdict::Fails);
        assert!(!guard.rules_out(&Facts::default()));
    }
}

#[test]
fn the_script_is_told_the_same() {
    let filters = some()
        .with_idle_over(ms(1500))
        .expect("inside")
        .with_ttl_over(ms(5))
        .with_size_under(9)
        .with_samples(7);
    let guard = Guard::new(&filters, &["Hash".to_owned(), "set".to_owned()]);
    let factor = limits::SIZE_NEAR_FACTOR.to_string();
    let most = limits::WHOLE_SIZE_MAX_ELEMENTS.to_string();
    let expected = [
        "2", "has", "5", "", "", "9", "7", &factor, &most, "hash", "set",
    ];
    assert_eq!(guard.script_args(true), expected);
    assert_eq!(guard.script_args(false)[8], "0");
    let none = Guard::new(&some().with_no_ttl(), NO_TYPES);
    assert_eq!(
        none.script_args(false)[..7],
        ["", "no", "", "", "", "", "5"]
    );
}

/// Filters and types, as plain numbers.
#[derive(Debug, Clone)]
struct Wanted {
    idle_s: Option<u64>,
    /// 0 with, 1 without, 2 either.
    expiry: u8,
    ttl_under: Option<u64>,
    ttl_over: Option<u64>,
    size_over: Option<u64>,
    size_under: Option<u64>,
    types: Vec<&'static str>,
}

/// A key as plain numbers: type, what is left of its TTL, idle seconds, size, whether it is elements.
type Plain = (&'static str, Option<u64>, u64, u64, bool);

impl Wanted {
    fn filters(&self) -> Filters {
        let mut filters = some();
        if let Some(idle) = self.idle_s {
            filters = filters
                .with_idle_over(Duration::from_secs(idle))
                .expect("inside");
        }
        match self.expiry {
            0 => filters = filters.with_has_ttl(),
            1 => filters = filters.with_no_ttl(),
            _ => {}
        }
        if let Some(under) = self.ttl_under {
            filters = filters.with_ttl_under(ms(under));
        }
        if let Some(over) = self.ttl_over {
            filters = filters.with_ttl_over(ms(over));
        }
        if let Some(over) = self.size_over {
            filters = filters.with_size_over(over);
        }
        if let Some(under) = self.size_under {
            filters = filters.with_size_under(under);
        }
        filters
    }

    /// Reasons that the key does not pass.
    fn reasons(&self, (kind, ttl, idle, size, _): Plain) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        let mut unless = |holds: bool, reason| {
            if !holds {
                reasons.push(reason)
            }
        };
        unless(self.types.is_empty() || self.types.contains(&kind), "type");
        if let Some(least) = self.idle_s {
            unless(idle >= least, "used lately");
        }
        match self.expiry {
            0 => unless(ttl.is_some(), "lives for ever"),
            1 => unless(ttl.is_none(), "has a TTL"),
            _ => {}
        }
        // A key without a TTL is neither over nor under.
        if let Some(under) = self.ttl_under {
            unless(ttl.is_some_and(|left| left < under), "lives longer");
        }
        if let Some(over) = self.ttl_over {
            unless(ttl.is_some_and(|left| left > over), "dies sooner");
        }
        if let Some(over) = self.size_over {
            unless(size > over, "small");
        }
        if let Some(under) = self.size_under {
            unless(size < under, "large");
        }
        reasons
    }
}

const KINDS: [&str; 4] = ["string", "set", "hash", "ReJSON-RL"];

fn wanted() -> impl Strategy<Value = Wanted> {
    let small = || option::of(0_u64..20);
    (
        option::of(1_u64..20),
        0_u8..3,
        small(),
        small(),
        small(),
        small(),
        vec(
            prop_oneof![Just(KINDS[0]), Just(KINDS[1]), Just(KINDS[3])],
            0..3,
        ),
    )
        .prop_map(
            |(idle_s, expiry, ttl_under, ttl_over, size_over, size_under, types)| Wanted {
                idle_s,
                expiry,
                ttl_under,
                ttl_over,
                size_over,
                size_under,
                types,
            },
        )
}

fn facts_of((kind, ttl, idle, size, is_elements): Plain) -> Facts {
    let mut facts = with_ttl(ttl);
    facts.kind = Some(TypeName::from(kind));
    facts.idle = Some(Duration::from_secs(idle));
    facts.size = Some(if is_elements {
        Size::elements(size)
    } else {
        Size::bytes(size)
    });
    facts
}

proptest! {
    #[test]
    fn agrees_with_a_naive_model(
        wanted in wanted(),
        kind in 0_usize..4,
        ttl in option::of(0_u64..20),
        idle in 0_u64..20,
        size in 0_u64..20,
        is_elements in any::<bool>(),
        learnt in any::<[bool; 4]>(),
    ) {
        let key = (KINDS[kind], ttl, idle, size, is_elements);
        let filters = wanted.filters();
        let types: Vec<String> = wanted.types.iter().map(|name| (*name).to_owned()).collect();
        let guard = Guard::new(&filters, &types);
        let reasons = wanted.reasons(key);
        let expected = if reasons.is_empty() { Verdict::Passes } else { Verdict::Fails };
        let facts = facts_of(key);
        prop_assert_eq!(guard.judge_measured(&facts), expected, "{:?}", reasons);
        // Nothing that the size alone doesn't decide is left to a measurement, and what is decided stays so.
        match guard.judge(&facts) {
            Verdict::Measure => {
                prop_assert_eq!(is_elements || kind == 0, false);
                prop_assert_eq!(reasons.iter().all(|reason| matches!(*reason, "small" | "large")), true);
            }
            verdict => prop_assert_eq!(verdict, expected, "{:?}", reasons),
        }
        // With a part of it no key is ruled out that would pass.
        let mut part = facts;
        part.kind = part.kind.filter(|_| learnt[0]);
        part.ttl = part.ttl.filter(|_| learnt[1]);
        part.idle = part.idle.filter(|_| learnt[2]);
        part.size = part.size.filter(|_| learnt[3]);
        prop_assert_eq!(guard.rules_out(&part) && reasons.is_empty(), false);
        // And a contradiction is what no key can pass.
        prop_assert_eq!(filters.check().is_err() && reasons.is_empty(), false);
    }
}
