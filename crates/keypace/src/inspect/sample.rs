//! A few keys by chance, to see of which patterns those without a TTL are. Bounded, under the pace; neither RANDOMKEY nor
//! PTTL makes a key young.

use std::collections::BTreeMap;

use super::options::InspectOptions;
use super::pattern::generalised;
use crate::error::Result;
use crate::limits::inspect::{INSPECT_ROWS, INSPECT_SAMPLE_BATCH};
use crate::pace::QueryKind;
use crate::port::{Class, Lease, Node, Paced, Reply, ServerCode};
use crate::report::{KeySample, SampledPattern};

/// Patterns that are told apart: a keyspace with more has no patterns to speak of.
const MAX_PATTERNS: usize = 1_000;

/// Looks at so many keys as the options say, and at no more than there are. `None` where there are none in the database.
/// Cancel-safe.
pub(super) async fn sample(
    node: &Node,
    options: &InspectOptions,
    keys: u64,
) -> Result<Option<KeySample>> {
    let paced = Paced::join(node, options.budget, options.thresholds, false);
    let mut lease = node.lease().await?;
    let mut left = options.sample_keys.min(keys);
    let mut seen = BTreeMap::new();
    while left > 0 {
        let names = ask(&mut lease, &paced, left, "RANDOMKEY", |_| {
            vec![b"RANDOMKEY".to_vec()]
        })
        .await?;
        let names: Vec<Vec<u8>> = names.into_iter().filter_map(name).collect();
        if names.is_empty() {
            break;
        }
        left = left.saturating_sub(names.len() as u64);
        let mut from = 0;
        while let rest @ [_, ..] = &names[from..] {
            let word = |at: usize| vec![b"PTTL".to_vec(), rest[at].clone()];
            let ttls = ask(&mut lease, &paced, rest.len() as u64, "PTTL", word).await?;
            for (name, ttl) in rest.iter().zip(&ttls) {
                enter(&mut seen, name, ttl);
            }
            from += ttls.len().max(1);
        }
    }
    Ok((!seen.is_empty()).then(|| finished(seen)))
}

/// As many questions as are wanted, as one write may hold, and as the pace allows.
async fn ask(
    lease: &mut Lease,
    paced: &Paced,
    wanted: u64,
    command: &'static str,
    words: impl Fn(usize) -> Vec<Vec<u8>>,
) -> Result<Vec<Reply>> {
    let mut turn = paced.turn(QueryKind::Ask).await;
    let most = turn.units().clamp(1, INSPECT_SAMPLE_BATCH);
    let number = u32::try_from(wanted).unwrap_or(u32::MAX).min(most);
    for at in 0..number {
        lease.queue(command, Class::Read, words(at as usize).iter());
    }
    turn.begin();
    let mut replies = Vec::with_capacity(number as usize);
    paced.beside(lease.flush()).await?;
    for _ in 0..number {
        replies.push(paced.beside(lease.reply()).await?);
    }
    turn.done(number);
    for reply in &replies {
        if let Reply::Error(text) = reply
            && ServerCode::of(text) == ServerCode::NoPerm
        {
            return Err(lease.refused(command, text));
        }
    }
    Ok(replies)
}

fn name(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Bulk(name) => Some(name.to_vec()),
        _ => None,
    }
}

fn enter(seen: &mut BTreeMap<String, (u64, u64)>, name: &[u8], ttl: &Reply) {
    // -2 is a key that went meanwhile.
    let Reply::Int(ttl @ (-1 | 0..)) = ttl else {
        return;
    };
    let pattern = generalised(name);
    if seen.len() >= MAX_PATTERNS && !seen.contains_key(&pattern) {
        return;
    }
    let (looked, no_ttl) = seen.entry(pattern).or_default();
    *looked += 1;
    *no_ttl += u64::from(*ttl == -1);
}

fn finished(seen: BTreeMap<String, (u64, u64)>) -> KeySample {
    let patterns = seen
        .into_iter()
        .map(|(pattern, (looked, no_ttl))| SampledPattern {
            pattern,
            looked,
            no_ttl,
        });
    summed(patterns.collect())
}

/// Samples of several nodes as one.
pub(super) fn merged<'a>(samples: impl Iterator<Item = &'a KeySample>) -> Option<KeySample> {
    let mut all: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for row in samples.flat_map(|sample| &sample.patterns) {
        let sum = all.entry(&row.pattern).or_default();
        *sum = (sum.0 + row.looked, sum.1 + row.no_ttl);
    }
    let owned = all
        .into_iter()
        .map(|(pattern, sums)| (pattern.to_owned(), sums));
    let owned: BTreeMap<String, (u64, u64)> = owned.collect();
    let mut merged = (!owned.is_empty()).then(|| finished(owned))?;
    merged.patterns.truncate(INSPECT_ROWS);
    Some(merged)
}

fn summed(mut patterns: Vec<SampledPattern>) -> KeySample {
    patterns.sort_by_key(|row| std::cmp::Reverse((row.no_ttl, row.looked)));
    KeySample {
        looked: patterns.iter().map(|row| row.looked).sum(),
        no_ttl: patterns.iter().map(|row| row.no_ttl).sum(),
        patterns,
    }
}
