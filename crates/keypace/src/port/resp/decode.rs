//! Builds replies out of whole frames: the buffer, the scanner that says where a frame ends, and the builder.

use bytes::{Buf, Bytes, BytesMut};

use super::scanner::Scanner;
use super::{ProtocolError, Reply, line, parse_number};
use crate::limits;

/// Reads replies from bytes that arrive in any pieces.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    scanner: Scanner,
}

impl Decoder {
    /// Room to read into: at least `limits::READ_BUFFER_BYTES`, and more where a long string is on its way.
    pub(crate) fn space(&mut self) -> &mut BytesMut {
        let missing = self.scanner.missing(self.buffer.len());
        // In steps: a length is only a claim until its bytes are here.
        let step = missing.clamp(limits::READ_BUFFER_BYTES, limits::MAX_READ_STEP_BYTES);
        self.buffer.reserve(step);
        &mut self.buffer
    }

    /// The next whole reply, or `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Result<Option<Reply>, ProtocolError> {
        let Some(length) = self.scanner.advance(&self.buffer)? else {
            if self.buffer.len() > limits::MAX_RESP_REPLY_BYTES {
                return Err(ProtocolError::TooLarge(self.buffer.len() as u64));
            }
            return Ok(None);
        };
        let mut frame = Frame {
            bytes: self.buffer.split_to(length).freeze(),
            position: 0,
        };
        frame.value().map(Some)
    }

    /// Gives back the room that one large reply needed.
    pub(crate) fn shed(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > limits::MAX_READ_STEP_BYTES {
            self.buffer = BytesMut::new();
        }
    }

    /// Whether the bytes held begin a value of this type.
    pub(crate) fn begins_with(&self, kind: u8) -> bool {
        self.buffer.first() == Some(&kind)
    }

    /// Whether bytes of a reply are held that isn't whole yet.
    pub(crate) fn is_between_replies(&self) -> bool {
        !self.buffer.has_remaining()
    }
}

/// One whole frame, which the scanner has checked.
struct Frame {
    bytes: Bytes,
    position: usize,
}

impl Frame {
    fn value(&mut self) -> Result<Reply, ProtocolError> {
        loop {
            let kind = self.bytes[self.position];
            let (start, end) = self.head()?;
            return Ok(match kind {
                b'+' | b'(' => Reply::Simple(self.bytes.slice(start..end)),
                b'-' => Reply::Error(self.bytes.slice(start..end)),
                b':' => Reply::Int(parse_number(&self.bytes[start..end])?),
                b'#' => Reply::Int(i64::from(&self.bytes[start..end] == b"t")),
                b',' => Reply::Double(parse_double(&self.bytes[start..end])?),
                b'_' => Reply::Null,
                b'$' => self.string(start, end)?.map_or(Reply::Null, Reply::Bulk),
                b'!' => self.string(start, end)?.map_or(Reply::Null, Reply::Error),
                b'=' => self.string(start, end)?.map_or(Reply::Null, |text| {
                    // `txt:` or `mkd:` stands before the text.
                    Reply::Bulk(text.slice(text.len().min(4)..))
                }),
                b'*' if &self.bytes[start..end] == b"-1" => Reply::Null,
                b'*' | b'~' => Reply::Array(self.values(start, end)?),
                b'>' => Reply::Push(self.values(start, end)?),
                b'%' => Reply::Map(self.pairs(start, end)?),
                b'|' => {
                    self.pairs(start, end)?;
                    continue;
                }
                other => return Err(ProtocolError::UnknownType(other)),
            });
        }
    }

    fn values(&mut self, start: usize, end: usize) -> Result<Vec<Reply>, ProtocolError> {
        (0..self.count(start, end)?).map(|_| self.value()).collect()
    }

    fn pairs(&mut self, start: usize, end: usize) -> Result<Vec<(Reply, Reply)>, ProtocolError> {
        (0..self.count(start, end)?)
            .map(|_| Ok((self.value()?, self.value()?)))
            .collect()
    }

    fn count(&self, start: usize, end: usize) -> Result<usize, ProtocolError> {
        usize::try_from(parse_number(&self.bytes[start..end])?)
            .map_err(|_| ProtocolError::BadNumber)
    }

    /// Where the content of the line at the position lies; the position moves behind it.
    fn head(&mut self) -> Result<(usize, usize), ProtocolError> {
        let start = self.position + 1;
        let (head, after) =
            line(&self.bytes, start, limits::MAX_RESP_LINE_BYTES)?.ok_or(ProtocolError::BadEnd)?;
        let end = start + head.len();
        self.position = after;
        Ok((start, end))
    }

    fn string(&mut self, start: usize, end: usize) -> Result<Option<Bytes>, ProtocolError> {
        let length = parse_number(&self.bytes[start..end])?;
        let Ok(length) = usize::try_from(length) else {
            return Ok(None);
        };
        let text = self.bytes.slice(self.position..self.position + length);
        self.position += length + 2;
        Ok(Some(text))
    }
}

fn parse_double(text: &[u8]) -> Result<f64, ProtocolError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or(ProtocolError::BadNumber)
}

#[cfg(test)]
mod tests {
    use super::super::{ProtocolError, Reply};
    use super::Decoder;
    use bytes::{BufMut, Bytes};
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

    fn decode(bytes: &[u8]) -> Result<Option<Reply>, ProtocolError> {
        let mut decoder = Decoder::default();
        decoder.space().put_slice(bytes);
        decoder.next()
    }

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn reads_each_type() {
        let simple = |text: &'static str| Reply::Simple(Bytes::from_static(text.as_bytes()));
        for (bytes, reply) in [
            ("+OK\r\n", simple("OK")),
            ("-ERR no\r\n", Reply::Error(Bytes::from_static(b"ERR no"))),
            (":-9223372036854775808\r\n", Reply::Int(i64::MIN)),
            ("#t\r\n", Reply::Int(1)),
            (",1.5\r\n", Reply::Double(1.5)),
            (",inf\r\n", Reply::Double(f64::INFINITY)),
            (
                "(123456789012345678901\r\n",
                simple("123456789012345678901"),
            ),
            ("_\r\n", Reply::Null),
            ("$-1\r\n", Reply::Null),
            ("*-1\r\n", Reply::Null),
            ("$0\r\n\r\n", bulk("")),
            ("$4\r\na\r\nb\r\n", bulk("a\r\nb")),
            ("=6\r\ntxt:hi\r\n", bulk("hi")),
            ("!3\r\nERR\r\n", Reply::Error(Bytes::from_static(b"ERR"))),
            ("*0\r\n", Reply::Array(vec![])),
            (
                "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n",
                Reply::Array(vec![bulk("0"), Reply::Array(vec![bulk("k")])]),
            ),
            ("~1\r\n:1\r\n", Reply::Array(vec![Reply::Int(1)])),
            (
                "%1\r\n+a\r\n:1\r\n",
                Reply::Map(vec![(simple("a"), Reply::Int(1))]),
            ),
            (">1\r\n+x\r\n", Reply::Push(vec![simple("x")])),
            ("|1\r\n+ttl\r\n:3\r\n:7\r\n", Reply::Int(7)),
            (
                "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
                Reply::Array(vec![Reply::Int(1), Reply::Int(2)]),
            ),
        ] {
            assert_eq!(decode(bytes.as_bytes()), Ok(Some(reply)), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_resp_or_too_large() {
        let deep = "*1\r\n".repeat(crate::limits::MAX_RESP_DEPTH + 1);
        let long = format!("+{}", "a".repeat(crate::limits::MAX_RESP_LINE_BYTES + 2));
        for (bytes, error) in [
            (
                "HTTP/1.1 400 Bad Request\r\n",
                ProtocolError::UnknownType(b'H'),
            ),
            ("$abc\r\n", ProtocolError::BadNumber),
            ("$-2\r\n", ProtocolError::BadNumber),
            ("*-2\r\n", ProtocolError::BadNumber),
            (":\r\n", ProtocolError::BadNumber),
            ("$3\r\nabcdef\r\n", ProtocolError::BadEnd),
            ("+OK\n", ProtocolError::BadEnd),
            ("$536870913\r\n", ProtocolError::TooLarge(536_870_913)),
            ("*99999999999\r\n", ProtocolError::TooLarge(99_999_999_999)),
            (deep.as_str(), ProtocolError::TooDeep),
            (
                long.as_str(),
                ProtocolError::TooLarge(long.len() as u64 - 1),
            ),
        ] {
            assert_eq!(
                decode(bytes.as_bytes()),
                Err(error),
                "{:?}",
                &bytes[..bytes.len().min(40)]
            );
        }
    }

    #[test]
    fn strings_are_slices_of_the_buffer() {
        let mut decoder = Decoder::default();
        decoder
            .space()
            .put_slice(b"*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n");
        let Ok(Some(Reply::Array(items))) = decoder.next() else {
            panic!("no array")
        };
        let [Reply::Bulk(first), Reply::Bulk(second)] = items.as_slice() else {
            panic!("no strings")
        };
        assert_eq!(
            second.as_ptr() as usize - first.as_ptr() as usize,
            9,
            "one allocation behind both"
        );
    }

    fn wire() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20).prop_map(|text| {
                let mut out = format!("${}\r\n", text.len()).into_bytes();
                out.extend(text);
                out.extend(b"\r\n");
                out
            }),
            any::<i64>().prop_map(|n| format!(":{n}\r\n").into_bytes()),
            "[a-z ]{0,8}".prop_map(|s| format!("+{s}\r\n").into_bytes()),
            proptest::strategy::Just(b"$-1\r\n".to_vec()),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop::collection::vec(inner, 0..5).prop_map(|items| {
                let mut out = format!("*{}\r\n", items.len()).into_bytes();
                out.extend(items.concat());
                out
            })
        })
    }

    proptest! {
        #[test]
        fn any_pieces_give_the_same_replies(frames in prop::collection::vec(wire(), 1..4), cuts in prop::collection::vec(1usize..7, 1..50)) {
            let whole: Vec<Reply> = frames.iter().map(|f| decode(f).expect("valid").expect("whole")).collect();
            let bytes = frames.concat();
            let mut decoder = Decoder::default();
            let mut replies = Vec::new();
            let mut at = 0;
            let mut cut = cuts.iter().cycle();
            while at < bytes.len() {
                let end = (at + cut.next().expect("cycle")).min(bytes.len());
                decoder.space().put_slice(&bytes[at..end]);
                at = end;
                while let Some(reply) = decoder.next().expect("valid") {
                    replies.push(reply);
                }
            }
            prop_assert_eq!(replies, whole);
            prop_assert_eq!(decoder.is_between_replies(), true);
        }

        #[test]
        fn any_bytes_end_in_a_reply_an_error_or_a_wait(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.space().put_slice(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }

        #[test]
        fn damaged_frames_do_not_panic(frame in wire(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = frame;
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let mut decoder = Decoder::default();
            decoder.space().put_slice(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }
}
