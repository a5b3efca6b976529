//! Findings about keys: TTLs, memory, and how a cluster's nodes share them. Pure.

use super::{NodeLook, Scene, finding};
use crate::inspect::said::{number, percent};
use crate::inspect::settings::Settings;
use crate::limits::inspect::{FEW_KEYS, MANY_WITHOUT_TTL, NEARLY_FULL, OUT_OF_BALANCE};
use crate::report::{InspectFinding, Severity};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let mut findings = Vec::new();
    findings.extend(no_ttl(scene));
    findings.extend(nearly_full(scene));
    findings.extend(balance(scene));
    findings
}

fn no_ttl(scene: &Scene<'_>) -> Option<InspectFinding> {
    let primaries = || scene.looks.iter().filter(|look| look.is_primary());
    let (keys, no_ttl) = primaries()
        .map(NodeLook::keys)
        .fold((0, 0), |sum: (u64, u64), node| {
            (sum.0 + node.0, sum.1 + node.1)
        });
    let share = no_ttl as f64 / keys.max(1) as f64;
    if keys < FEW_KEYS || share < MANY_WITHOUT_TTL {
        return None;
    }
    let policy = |look: &NodeLook| {
        Settings(&look.settings)
            .get("maxmemory-policy")
            .unwrap_or_default()
            .to_owned()
    };
    let volatile: Vec<&NodeLook> = primaries()
        .filter(|look| policy(look).starts_with("volatile-") && look.number("maxmemory") > 0)
        .collect();
    let mut told = if let Some(first) = volatile.first() {
        let text = format!(
            "{} of {} keys never expire, and {} can evict none of those: writes fail when the rest is gone",
            percent(share),
            number(keys),
            policy(first)
        );
        let fix = "give keys a TTL, or take an allkeys- policy if all of them may go";
        let mut told = finding("volatile-without-ttl", Severity::High, text, fix);
        told.nodes = volatile.iter().map(|look| look.node.clone()).collect();
        told
    } else {
        let text = format!("{} of {} keys never expire", percent(share), number(keys));
        let fix = "set a TTL where a key is a cache or a session; keypace stats --no-ttl shows which they are";
        finding("no-ttl", Severity::Low, text, fix)
    };
    let rows = scene.sample.iter().flat_map(|sample| &sample.patterns);
    let forever = rows.filter(|row| row.no_ttl > 0).take(super::MAX_PATTERNS);
    told.patterns = forever.map(|row| row.pattern.clone()).collect();
    Some(told)
}

fn nearly_full(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let told = scene.looks.iter().filter_map(|look| {
        let most = look.number("maxmemory");
        let used = look.number("used_memory") as f64 / most.max(1) as f64;
        let policy = Settings(&look.settings)
            .get("maxmemory-policy")
            .unwrap_or("noeviction");
        if most == 0 || used < NEARLY_FULL || !look.is_primary() {
            return None;
        }
        let (severity, what) = match policy {
            "noeviction" => (Severity::High, "writes fail when it is full"),
            _ => (Severity::Low, "keys are evicted to make room"),
        };
        let text = format!(
            "memory is {} of maxmemory, and the policy is {policy}: {what}",
            percent(used)
        );
        let fix = "more memory, fewer keys (keypace stats shows where they are), or TTLs";
        let mut told = finding("memory-full", severity, text, fix);
        told.nodes = vec![look.node.clone()];
        Some(told)
    });
    told.collect()
}

/// Nodes that hold much more than their part.
fn balance(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let primaries: Vec<&NodeLook> = scene
        .looks
        .iter()
        .filter(|look| look.slots.is_some())
        .collect();
    let keys: u64 = primaries.iter().map(|look| look.keys().0).sum();
    if primaries.len() < 2 || keys < FEW_KEYS {
        return Vec::new();
    }
    type Of = fn(&NodeLook) -> u64;
    let subjects: [(&str, Of); 3] = [
        ("keys", |look| look.keys().0),
        ("memory", |look| look.number("used_memory")),
        ("slots", |look| look.slots.unwrap_or(0)),
    ];
    let told = subjects.iter().filter_map(|(what, of)| {
        let all: u64 = primaries.iter().map(|look| of(look)).sum();
        let most = primaries.iter().max_by_key(|look| of(look))?;
        let part = of(most) as f64 / all.max(1) as f64;
        let times = part * primaries.len() as f64;
        if times < OUT_OF_BALANCE {
            return None;
        }
        let text = format!(
            "one of {} nodes holds {} of the {what}, {times:.1} times its part",
            primaries.len(),
            percent(part)
        );
        let fix = "redis-cli --cluster rebalance; where the slots are even, look for a hash tag that many keys share";
        let mut told = finding("cluster-imbalance", Severity::Medium, text, fix);
        told.nodes = vec![most.node.clone()];
        Some(told)
    });
    told.collect()
}
