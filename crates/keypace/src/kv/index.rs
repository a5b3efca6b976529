//! Reading the index: what has expired is dropped, the rest is read page by page. Sends no SCAN.
//! It knows members, not the keys that they stand for.

use bytes::Bytes;

use super::reader::{Member, Reader};
use super::wire::PRUNE;
use crate::error::Result;
use crate::limits;
use crate::port::{Node, Reply, Request, request};

/// Drops what has expired, in bounds, and gives a reader that begins behind it. Cancel-safe.
pub(super) async fn open(node: &Node, index: &[u8]) -> Result<Reader> {
    let most = limits::KV_PRUNED_BY_LISTING.to_string();
    let (keys, args) = ([index], [most.as_bytes()]);
    let reply = request::read(node, Request::Script(&PRUNE, &keys, &args)).await?;
    let Reply::Array(parts) = reply else {
        return Err(request::unexpected(node.name(), "EVALSHA"));
    };
    match parts.as_slice() {
        [Reply::Bulk(now_ms), Reply::Int(dead)] => {
            let now_ms =
                number(now_ms).ok_or_else(|| request::unexpected(node.name(), "EVALSHA"))?;
            Ok(Reader::live(now_ms, u64::try_from(*dead).unwrap_or(0)))
        }
        _ => Err(request::unexpected(node.name(), "EVALSHA")),
    }
}

/// The next members, perhaps none; `None` at the end. Cancel-safe: a dropped future loses no member.
pub(super) async fn next(
    node: &Node,
    index: &[u8],
    reader: &mut Reader,
) -> Result<Option<Vec<Member>>> {
    let Some((first, last)) = reader.next() else {
        return Ok(None);
    };
    let (first, last) = (first.to_string(), last.to_string());
    let words = [
        &b"ZRANGE"[..],
        index,
        first.as_bytes(),
        last.as_bytes(),
        b"WITHSCORES",
    ];
    let reply = request::read(node, Request::Command("ZRANGE", &words)).await?;
    let page = members(reply).ok_or_else(|| request::unexpected(node.name(), "ZRANGE"))?;
    Ok(Some(reader.take(page)))
}

/// RESP2 gives members and scores in turn, RESP3 pairs of them.
fn members(reply: Reply) -> Option<Vec<Member>> {
    let Reply::Array(items) = reply else {
        return None;
    };
    let mut members = Vec::with_capacity(items.len());
    let mut items = items.into_iter();
    while let Some(item) = items.next() {
        let (name, score) = match item {
            Reply::Array(pair) => <[Reply; 2]>::try_from(pair).ok()?.into(),
            name => (name, items.next()?),
        };
        let Reply::Bulk(name) = name else {
            return None;
        };
        let expires_ms = match score {
            Reply::Double(score) => score,
            Reply::Bulk(text) => number(&text)?,
            _ => return None,
        };
        members.push(Member { expires_ms, name });
    }
    Some(members)
}

fn number(text: &Bytes) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::members;
    use crate::port::Reply;
    use bytes::Bytes;

    #[test]
    fn both_protocols_say_the_same() {
        let bulk = |text: &'static str| Reply::Bulk(Bytes::from_static(text.as_bytes()));
        let flat = vec![bulk("a"), bulk("1735689600000"), bulk("b"), bulk("inf")];
        let pairs = vec![
            Reply::Array(vec![bulk("a"), Reply::Double(1_735_689_600_000.0)]),
            Reply::Array(vec![bulk("b"), Reply::Double(f64::INFINITY)]),
        ];
        let read = members(Reply::Array(flat)).expect("members");
        assert_eq!(Some(&read), members(Reply::Array(pairs)).as_ref());
        assert_eq!(read[1].name, "b");
        assert!(read[1].expires_ms.is_infinite());
    }

    #[test]
    fn other_shapes_are_told() {
        let bulk = || Reply::Bulk(Bytes::from_static(b"a"));
        for reply in [
            Reply::Null,
            Reply::Array(vec![bulk()]),
            Reply::Array(vec![bulk(), bulk()]),
            Reply::Array(vec![bulk(), Reply::Int(1)]),
            Reply::Array(vec![Reply::Array(vec![bulk()])]),
        ] {
            assert_eq!(members(reply), None);
        }
    }
}
