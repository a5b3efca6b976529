//! Owns reading requests off a connection's bytes: arrays of bulk strings, and the inline form. It must not know commands.

use bytes::{Buf, BytesMut};

use crate::limits::{MAX_INLINE_BYTES, MAX_REQUEST_ARGS, MAX_REQUEST_BYTES};

/// A request as its arguments, the command's name first.
pub(crate) type Request = Vec<Vec<u8>>;

/// Why the connection ends: the text after `ERR Protocol error: `.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

fn malformed<T>(text: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(text.into()))
}

/// Takes the next whole request out of the buffer; none while it is not whole. Empty requests are passed over, as the
/// server does.
pub(crate) fn take(buffer: &mut BytesMut) -> Result<Option<Request>, Malformed> {
    loop {
        let Some((request, length)) = parse(buffer)? else {
            if buffer.len() > MAX_REQUEST_BYTES {
                return malformed("request is longer than the simulator takes");
            }
            return Ok(None);
        };
        buffer.advance(length);
        if !request.is_empty() {
            return Ok(Some(request));
        }
    }
}

fn parse(buffer: &[u8]) -> Result<Option<(Request, usize)>, Malformed> {
    match buffer.first() {
        None => Ok(None),
        Some(b'*') => parse_array(buffer),
        Some(_) => parse_inline(buffer),
    }
}

fn parse_array(buffer: &[u8]) -> Result<Option<(Request, usize)>, Malformed> {
    let Some((count, mut at)) = number_line(buffer, 1, "invalid multibulk length")? else {
        return Ok(None);
    };
    let Ok(count) = usize::try_from(count) else {
        return Ok(Some((Request::new(), at)));
    };
    if count > MAX_REQUEST_ARGS {
        return malformed("invalid multibulk length");
    }
    // No room from a number that a stranger sent: the arguments that came make it.
    let mut request = Request::new();
    for _ in 0..count {
        match buffer.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(other) => return malformed(format!("expected '$', got '{}'", char::from(*other))),
        }
        let Some((length, start)) = number_line(buffer, at + 1, "invalid bulk length")? else {
            return Ok(None);
        };
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_REQUEST_BYTES);
        let Some(length) = length else {
            return malformed("invalid bulk length");
        };
        let Some(bytes) = buffer.get(start..start + length) else {
            return Ok(None);
        };
        if buffer.len() < start + length + 2 {
            return Ok(None);
        }
        request.push(bytes.to_vec());
        at = start + length + 2;
    }
    Ok(Some((request, at)))
}

/// A number up to the line's end, and where the next line begins.
fn number_line(
    buffer: &[u8],
    from: usize,
    complaint: &str,
) -> Result<Option<(i64, usize)>, Malformed> {
    let Some(length) = buffer[from..].windows(2).position(|pair| pair == b"\r\n") else {
        if buffer.len() - from > MAX_INLINE_BYTES {
            return malformed("too big count string");
        }
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[from..from + length]).ok();
    match text.and_then(|text| text.parse().ok()) {
        Some(number) => Ok(Some((number, from + length + 2))),
        None => malformed(complaint),
    }
}

/// Words between blanks. Quotes are not taken apart: a person at a terminal is the only one who would send them.
fn parse_inline(buffer: &[u8]) -> Result<Option<(Request, usize)>, Malformed> {
    let Some(length) = buffer.iter().position(|byte| *byte == b'\n') else {
        if buffer.len() > MAX_INLINE_BYTES {
            return malformed("too big inline request");
        }
        return Ok(None);
    };
    let words = buffer[..length]
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    Ok(Some((words.map(<[u8]>::to_vec).collect(), length + 1)))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Malformed, take};

    fn wire(request: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", request.len()).into_bytes();
        for arg in request {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    #[test]
    fn refuses_what_is_no_request() {
        let table: &[(&[u8], &str)] = &[
            (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
            (b"*x\r\n", "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$99999999999\r\n", "invalid bulk length"),
        ];
        for (bytes, text) in table {
            assert_eq!(
                take(&mut BytesMut::from(*bytes)),
                Err(Malformed((*text).to_owned()))
            );
        }
    }

    #[test]
    fn passes_over_empty_requests_and_reads_inline_ones() {
        let mut buffer = BytesMut::from(&b"*-1\r\n*0\r\n\r\nGET  a\r\nrest"[..]);
        assert_eq!(
            take(&mut buffer),
            Ok(Some(vec![b"GET".to_vec(), b"a".to_vec()]))
        );
        assert_eq!(take(&mut buffer), Ok(None));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_requests(
            requests in vec(vec(vec(any::<u8>(), 0..9), 1..4), 0..4),
            chunk in 1..20_usize,
        ) {
            let bytes: Vec<u8> = requests.iter().flat_map(|request| wire(request)).collect();
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for piece in bytes.chunks(chunk) {
                buffer.extend_from_slice(piece);
                while let Some(request) = take(&mut buffer).expect("well formed") {
                    got.push(request);
                }
            }
            prop_assert_eq!(got, requests);
        }
    }
}
