//! The RESP2 and RESP3 codec: bytes in, replies out, commands in, bytes out. Pure: no socket, no clock.
//! Every key of a walk passes through here, so a reply's strings are slices of the buffer they arrived in.

mod decode;
mod encode;
mod scanner;

pub(crate) use decode::Decoder;
pub(crate) use encode::{decimal, encode_command};

use bytes::Bytes;

/// One reply. RESP3's types are folded into those a command's reader has to tell apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// `+OK`, and RESP3's big numbers, which are text to us.
    Simple(Bytes),
    /// `-ERR ...`, and RESP3's bulk errors.
    Error(Bytes),
    /// `:1`, and RESP3's booleans.
    Int(i64),
    /// RESP3's `,1.5`.
    Double(f64),
    /// `$3`, and RESP3's verbatim strings without their format.
    Bulk(Bytes),
    /// `$-1`, `*-1`, `_`.
    Null,
    /// `*`, and RESP3's sets.
    Array(Vec<Reply>),
    /// RESP3's maps.
    Map(Vec<(Reply, Reply)>),
    /// RESP3's out-of-band data: never the answer to a command.
    Push(Vec<Reply>),
}

/// Bytes that are no RESP, or more than we are willing to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtocolError {
    /// The first byte of a value is none that RESP knows.
    #[error("the byte 0x{0:02x} begins no RESP value")]
    UnknownType(u8),
    /// A length or an integer can't be read.
    #[error("a RESP length or number is not readable")]
    BadNumber,
    /// A line or a string does not end in CRLF.
    #[error("a RESP line does not end in CRLF")]
    BadEnd,
    /// A length is beyond `limits`.
    #[error("a RESP value of {0} bytes or elements is beyond the limit")]
    TooLarge(u64),
    /// Aggregates are nested beyond `limits`.
    #[error("a RESP reply is nested beyond the limit")]
    TooDeep,
}

/// Whether a reply of this type is one line without a body.
fn is_line(kind: u8) -> bool {
    matches!(kind, b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(')
}

/// Whether a reply of this type has a length or a count, and a body behind it.
fn is_body(kind: u8) -> bool {
    matches!(kind, b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|')
}

/// A signed decimal, as RESP writes lengths and integers.
fn parse_number(digits: &[u8]) -> Result<i64, ProtocolError> {
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() || digits.len() > 19 {
        return Err(ProtocolError::BadNumber);
    }
    let mut value: i64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Err(ProtocolError::BadNumber);
        }
        // Counted downwards, because the smallest i64 has no positive twin.
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_sub(i64::from(digit - b'0')))
            .ok_or(ProtocolError::BadNumber)?;
    }
    if negative {
        Ok(value)
    } else {
        value.checked_neg().ok_or(ProtocolError::BadNumber)
    }
}

/// The position behind the CRLF of the line that begins at `from`, and the line's content, or `None` where it is not all there yet.
fn line(
    buffer: &[u8],
    from: usize,
    max_bytes: usize,
) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let rest = &buffer[from..];
    match rest.iter().take(max_bytes + 2).position(|&b| b == b'\n') {
        Some(at) if at > 0 && rest[at - 1] == b'\r' => Ok(Some((&rest[..at - 1], from + at + 1))),
        Some(_) => Err(ProtocolError::BadEnd),
        None if rest.len() > max_bytes => Err(ProtocolError::TooLarge(rest.len() as u64)),
        None => Ok(None),
    }
}
