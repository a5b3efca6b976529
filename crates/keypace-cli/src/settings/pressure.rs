//! What the table `[pressure]` of the settings file means: thresholds, in their ranges. Holds nothing back itself.

use std::ops::RangeInclusive;

use keypace::Thresholds;

use super::layers::Merged;
use super::{units, unreadable};
use crate::exit::Halt;

/// A socket's own buffers hold as much on a link that is not behind at all: below it work would pause for nothing.
const LEAST_THRESHOLD_KIB: u64 = 64;
/// At 0 a server with nothing left to free would be too far behind already.
const LEAST_LAZYFREE_PENDING_VALUES: u64 = 1;
/// A share of the whole. 0 is always reached, and what is above 100 never.
const SHARE_PERCENT: RangeInclusive<u64> = 1..=100;

/// The thresholds: those of the file over the library's own.
pub(super) fn thresholds(merged: &Merged) -> Result<Thresholds, Halt> {
    let mut thresholds = Thresholds::default();
    let Some(wanted) = &merged.values.pressure else {
        return Ok(thresholds);
    };
    let refused = |name: &str, why: &str| unreadable(merged, &format!("pressure.{name}"), why);
    let bytes = |name: &str, text: &Option<String>| {
        let read = text.as_deref().map(size).transpose();
        read.map_err(|why| refused(name, &why))
    };
    let percent = |name: &str, percent: Option<u64>| match percent {
        Some(percent) if !SHARE_PERCENT.contains(&percent) => Err(refused(
            name,
            &format!(
                "{percent} is outside {} to {} percent",
                SHARE_PERCENT.start(),
                SHARE_PERCENT.end()
            ),
        )),
        percent => Ok(percent),
    };
    if let Some(lag) = bytes("replica_lag", &wanted.replica_lag)? {
        thresholds = thresholds.with_replica_lag_bytes(lag);
    }
    if let Some(buffers) = bytes("replica_buffers", &wanted.replica_buffers)? {
        thresholds = thresholds.with_replica_buffer_bytes(buffers);
    }
    if let Some(values) = wanted.lazyfree_pending {
        if values < LEAST_LAZYFREE_PENDING_VALUES {
            return Err(refused(
                "lazyfree_pending",
                &format!(
                    "{values} is less than {LEAST_LAZYFREE_PENDING_VALUES}, and the work would never go on"
                ),
            ));
        }
        thresholds = thresholds.with_lazyfree_pending(values);
    }
    if let Some(share) = percent("memory_percent", wanted.memory_percent)? {
        thresholds = thresholds.with_memory_percent(share);
    }
    if let Some(points) = percent("stale_percent_growth", wanted.stale_percent_growth)? {
        thresholds = thresholds.with_stale_percent_growth(points);
    }
    Ok(thresholds)
}

fn size(text: &str) -> Result<u64, String> {
    let bytes = units::bytes(text)?;
    if bytes < LEAST_THRESHOLD_KIB * 1024 {
        return Err(format!("`{text}` is less than {LEAST_THRESHOLD_KIB}KiB"));
    }
    Ok(bytes)
}
