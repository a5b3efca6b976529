//! What stands before a record's body: `k1 VERSION CREATED_MS UPDATED_MS\n`. Pure.

use bytes::Bytes;

use super::page::Version;
use crate::limits::records as limits;

const MARK: &str = "k1";

/// What a record says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: Version,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

impl Header {
    /// Reads it, and gives what stands behind it; `None` where a value is none of ours.
    pub(crate) fn split(value: &Bytes) -> Option<(Self, Bytes)> {
        let looked_at = &value[..value.len().min(limits::MAX_HEADER_BYTES)];
        let end = looked_at.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&value[..end]).ok()?;
        let mut words = line.split(' ');
        if words.next() != Some(MARK) {
            return None;
        }
        let header = Self {
            version: Version::read(words.next()?.parse().ok()?)?,
            created_ms: words.next()?.parse().ok()?,
            updated_ms: words.next()?.parse().ok()?,
        };
        // `+1` and `01` are numbers to Rust, and none that we write.
        let is_ours = words.next().is_none() && header.line().as_bytes() == &value[..=end];
        is_ours.then(|| (header, value.slice(end + 1..)))
    }

    fn line(self) -> String {
        let version = self.version.get();
        format!("{MARK} {version} {} {}\n", self.created_ms, self.updated_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::Header;
    use bytes::Bytes;

    fn split(value: &'static [u8]) -> Option<(Header, Bytes)> {
        Header::split(&Bytes::from_static(value))
    }

    #[test]
    fn a_header_is_read_and_the_body_is_what_follows() {
        let (header, body) = split(b"k1 7 -5 1795272789194\n{}\n").expect("a record");
        assert_eq!(header.version.get(), 7);
        assert_eq!(
            (header.created_ms, header.updated_ms),
            (-5, 1_795_272_789_194)
        );
        assert_eq!(body.as_ref(), b"{}\n");
        assert_eq!(split(b"k1 7 5 6\n").expect("a record").1.len(), 0);
    }

    #[test]
    fn what_is_no_record_of_ours_is_none() {
        for value in [
            &b""[..],
            b"\n",
            b"k1 7 5 6",
            b"k2 7 5 6\n",
            b"k1 7 5\n",
            b"k1 7 5 6 7\n",
            b"k1 +7 5 6\n",
            b"k1 07 5 6\n",
            b"k1 7  5 6\n",
            b"k1 9007199254740992 5 6\n",
            b"k1 7 5 \xff\n",
            b"{\"a\":1}",
        ] {
            assert_eq!(split(value), None, "{value:?}");
        }
    }
}
