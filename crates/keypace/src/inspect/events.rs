//! LATENCY LATEST: what the server's own latency monitor saw. Pure, for any reply.

use super::clients::shown;
use crate::port::Reply;
use crate::report::LatencyEvent;

/// Reads the reply: `[[event, at, last, max, ...], ...]`, the longest first. What is no event is left out.
pub(super) fn events(reply: &Reply) -> Vec<LatencyEvent> {
    let Reply::Array(rows) = reply else {
        return Vec::new();
    };
    let mut events: Vec<LatencyEvent> = rows.iter().filter_map(event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.max_ms));
    events
}

fn event(row: &Reply) -> Option<LatencyEvent> {
    let Reply::Array(fields) = row else {
        return None;
    };
    let [
        Reply::Bulk(event),
        Reply::Int(at),
        Reply::Int(last),
        Reply::Int(max),
        ..,
    ] = &fields[..]
    else {
        return None;
    };
    let number = |number: &i64| u64::try_from(*number).unwrap_or(0);
    Some(LatencyEvent {
        event: shown(&String::from_utf8_lossy(event)),
        last_at: number(at),
        last_ms: number(last),
        max_ms: number(max),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::events;
    use crate::port::Reply;

    #[test]
    fn events_are_read_and_the_rest_is_left_out() {
        let event = |name: &'static str, max| {
            let mut row = vec![Reply::Bulk(Bytes::from_static(name.as_bytes()))];
            // Valkey 8.1 adds a sum and a number.
            row.extend([5, 6, max, 9, 9].map(Reply::Int));
            Reply::Array(row)
        };
        let reply = Reply::Array(vec![
            event("fork", 7),
            event("command", 300),
            Reply::Int(1),
            Reply::Array(vec![]),
        ]);
        let read = events(&reply);
        assert_eq!(read.len(), 2);
        assert_eq!(
            (
                &*read[0].event,
                read[0].last_at,
                read[0].last_ms,
                read[0].max_ms
            ),
            ("command", 5, 6, 300)
        );
        assert!(events(&Reply::Null).is_empty());
    }
}
