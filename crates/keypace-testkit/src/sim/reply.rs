//! Owns replies and how they look in RESP2 and RESP3. It must not decide what a command answers, and shares nothing with
//! the library's own codec, so that a mistake there is not repeated here.

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// What a connection starts with.
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// One reply of the simulated server.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A simple string, such as `OK`.
    Status(String),
    /// An error, its code first and without the `-`.
    Error(String),
    /// An integer.
    Int(i64),
    /// A floating-point number: a bulk string in RESP2.
    Double(f64),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// Text that RESP3 marks as `txt`: INFO.
    Text(String),
    /// Nothing, as a bulk string.
    Nil,
    /// Nothing, as an array: an EXEC that a WATCH refused.
    NilArray,
    /// An array.
    Array(Vec<Reply>),
    /// A set: an array in RESP2.
    Set(Vec<Reply>),
    /// A map: a flat array in RESP2.
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// `+OK`.
    #[must_use]
    pub fn ok() -> Self {
        Self::Status("OK".to_owned())
    }

    /// A bulk string of these bytes.
    #[must_use]
    pub fn bulk(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bulk(bytes.into())
    }

    /// A count, which the server sends as a signed integer.
    #[must_use]
    pub fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).expect("a count in memory fits i64"))
    }

    /// 1 or 0.
    #[must_use]
    pub fn flag(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }

    /// Appends the reply's bytes.
    pub fn encode(&self, proto: Proto, out: &mut Vec<u8>) {
        let three = proto == Proto::Resp3;
        match self {
            Self::Status(text) => line(out, b'+', text.as_bytes()),
            Self::Error(text) => line(out, b'-', one_line(text).as_bytes()),
            Self::Int(number) => line(out, b':', number.to_string().as_bytes()),
            Self::Double(number) if three => line(out, b',', double(*number).as_bytes()),
            Self::Double(number) => bulk(out, double(*number).as_bytes()),
            Self::Bulk(bytes) => bulk(out, bytes),
            Self::Text(text) if three => {
                line(out, b'=', (text.len() + 4).to_string().as_bytes());
                out.extend_from_slice(b"txt:");
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Text(text) => bulk(out, text.as_bytes()),
            Self::Nil | Self::NilArray if three => out.extend_from_slice(b"_\r\n"),
            Self::Nil => out.extend_from_slice(b"$-1\r\n"),
            Self::NilArray => out.extend_from_slice(b"*-1\r\n"),
            Self::Array(items) => aggregate(out, b'*', items, proto),
            Self::Set(items) => aggregate(out, if three { b'~' } else { b'*' }, items, proto),
            Self::Map(pairs) => {
                let (mark, length) = if three {
                    (b'%', pairs.len())
                } else {
                    (b'*', pairs.len() * 2)
                };
                line(out, mark, length.to_string().as_bytes());
                for (key, value) in pairs {
                    key.encode(proto, out);
                    value.encode(proto, out);
                }
            }
        }
    }
}

/// A score as Redis 7.2 and newer write it: the shortest text that reads back the same. (7.0 writes 17 digits.)
pub(crate) fn double(number: f64) -> String {
    number.to_string()
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

fn line(out: &mut Vec<u8>, mark: u8, text: &[u8]) {
    out.push(mark);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, b'$', bytes.len().to_string().as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn aggregate(out: &mut Vec<u8>, mark: u8, items: &[Reply], proto: Proto) {
    line(out, mark, items.len().to_string().as_bytes());
    for item in items {
        item.encode(proto, out);
    }
}

#[cfg(test)]
mod tests {
    use super::{Proto, Reply};

    fn wire(reply: &Reply, proto: Proto) -> String {
        let mut out = Vec::new();
        reply.encode(proto, &mut out);
        String::from_utf8(out).expect("these replies are text")
    }

    #[test]
    fn each_shape_in_both_protocols() {
        let map = Reply::Map(vec![(Reply::bulk("k"), Reply::Int(-1))]);
        let table = [
            (Reply::ok(), "+OK\r\n", "+OK\r\n"),
            (
                Reply::Error("ERR a\nb".into()),
                "-ERR a b\r\n",
                "-ERR a b\r\n",
            ),
            (Reply::Double(2.5), "$3\r\n2.5\r\n", ",2.5\r\n"),
            (
                Reply::Double(f64::NEG_INFINITY),
                "$4\r\n-inf\r\n",
                ",-inf\r\n",
            ),
            (Reply::Text("hi".into()), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (Reply::Nil, "$-1\r\n", "_\r\n"),
            (Reply::NilArray, "*-1\r\n", "_\r\n"),
            (
                Reply::Set(vec![Reply::Int(1)]),
                "*1\r\n:1\r\n",
                "~1\r\n:1\r\n",
            ),
            (map, "*2\r\n$1\r\nk\r\n:-1\r\n", "%1\r\n$1\r\nk\r\n:-1\r\n"),
        ];
        for (reply, two, three) in table {
            assert_eq!(wire(&reply, Proto::Resp2), two);
            assert_eq!(wire(&reply, Proto::Resp3), three);
        }
    }
}
