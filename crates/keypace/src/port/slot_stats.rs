//! How many keys single slots of a node hold, where its server tells that (`CLUSTER SLOT-STATS`: Valkey 8, Redis 8.2). For
//! estimates only: keys that have expired and not gone are counted, and those of all databases.

use super::connection::Class;
use super::node::Node;
use super::resp::Reply;
use crate::error::Result;
use crate::key::{Slot, SlotSet};
use crate::limits;

/// How many keys a node holds in these slots; `None` where nobody tells, whether the command is unknown, not allowed, or has
/// no answer just now. Tried once: who asks can do without. Cancel-safe.
pub(crate) async fn keys_in_slots(node: &Node, slots: &SlotSet) -> Option<u64> {
    match ask(node, slots).await {
        Ok(keys) => keys,
        Err(error) => {
            tracing::debug!(%error, "the server doesn't say how many keys a slot holds");
            None
        }
    }
}

async fn ask(node: &Node, slots: &SlotSet) -> Result<Option<u64>> {
    let mut lease = node.lease().await?;
    let mut sum = 0;
    for (first, last) in windows(slots) {
        let (first, last) = (first.to_string(), last.to_string());
        let args = ["CLUSTER", "SLOT-STATS", "SLOTSRANGE", &first, &last];
        let reply = lease
            .call("CLUSTER SLOT-STATS", Class::Read, args.iter())
            .await?;
        let Some(keys) = sum_of(&reply, slots) else {
            return Ok(None);
        };
        sum += keys;
    }
    Ok(Some(sum))
}

/// Ranges that hold all of the slots, none of them long: each is one command.
fn windows(slots: &SlotSet) -> Vec<(u16, u16)> {
    let mut windows: Vec<(u16, u16)> = Vec::new();
    for slot in slots.iter().map(Slot::number) {
        match windows.last_mut() {
            Some((first, last)) if slot - *first < limits::SLOT_STATS_SLOTS => *last = slot,
            _ => windows.push((slot, slot)),
        }
    }
    windows
}

/// Adds up what is said of those slots: `[[slot, ["key-count", n, ...]], ...]`, with a map in place of the inner list in
/// RESP3. `None` where it is something else.
fn sum_of(reply: &Reply, slots: &SlotSet) -> Option<u64> {
    let Reply::Array(rows) = reply else {
        return None;
    };
    let mut sum = 0;
    for row in rows {
        let Reply::Array(row) = row else { return None };
        let [Reply::Int(slot), stats] = row.as_slice() else {
            return None;
        };
        let slot = Slot::new(u16::try_from(*slot).ok()?)?;
        if slots.contains(slot) {
            sum += key_count(stats)?;
        }
    }
    Some(sum)
}

fn key_count(stats: &Reply) -> Option<u64> {
    let is_name = |name: &Reply| matches!(name, Reply::Bulk(name) if name == "key-count");
    let count = match stats {
        Reply::Array(stats) => stats.chunks(2).find(|pair| is_name(&pair[0]))?.get(1)?,
        Reply::Map(stats) => stats
            .iter()
            .find_map(|(name, count)| is_name(name).then_some(count))?,
        _ => return None,
    };
    match count {
        Reply::Int(count) => u64::try_from(*count).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::resp::{Decoder, Reply};
    use super::{sum_of, windows};
    use crate::key::{Slot, SlotSet};

    fn slots(numbers: &[u16]) -> SlotSet {
        let slots = numbers.iter().map(|n| Slot::new(*n).expect("a slot"));
        slots.collect()
    }

    fn decoded(wire: &[u8]) -> Reply {
        let mut decoder = Decoder::default();
        decoder.space().extend_from_slice(wire);
        decoder.next().expect("readable").expect("whole")
    }

    /// As Valkey 9.1.2 answers, in both protocols; further statistics may stand before and behind.
    #[test]
    fn counts_are_added_up_for_the_slots_that_are_asked_for() {
        let resp2 = decoded(
            b"*2\r\n*2\r\n:5\r\n*2\r\n$9\r\nkey-count\r\n:7\r\n*2\r\n:6\r\n*4\r\n$8\r\ncpu-usec\r\n:9\r\n$9\r\nkey-count\r\n:1\r\n",
        );
        assert_eq!(sum_of(&resp2, &slots(&[5])), Some(7));
        assert_eq!(sum_of(&resp2, &slots(&[5, 6, 7])), Some(8));
        let resp3 = decoded(b"*1\r\n*2\r\n:5\r\n%1\r\n$9\r\nkey-count\r\n:7\r\n");
        assert_eq!(sum_of(&resp3, &slots(&[5])), Some(7));
        assert_eq!(sum_of(&decoded(b"*0\r\n"), &slots(&[5])), Some(0));
        let odd = decoded(b"*1\r\n*2\r\n:5\r\n*2\r\n$4\r\nkeys\r\n:7\r\n");
        assert_eq!(sum_of(&odd, &slots(&[5])), None);
    }

    #[test]
    fn no_command_asks_for_many_slots() {
        assert_eq!(windows(&slots(&[16_236])), [(16_236, 16_236)]);
        assert_eq!(
            windows(&slots(&[0, 10, 1023, 1024, 9000])),
            [(0, 1023), (1024, 1024), (9000, 9000)]
        );
        assert_eq!(windows(&SlotSet::all()).len(), 16);
        assert!(windows(&SlotSet::default()).is_empty());
    }
}
