//! Finds where a reply ends, and goes on where it stopped when more bytes come: what was stepped over is not
//! looked at again, however small the pieces are. Checks shape and bounds, so that the builder behind it can't fail half-way.

use super::{ProtocolError, is_body, is_line, line, parse_number};
use crate::limits;

/// An aggregate whose elements are still to come.
#[derive(Debug, Clone, Copy)]
struct Open {
    remaining: u64,
    /// RESP3's attributes stand before a value and are none themselves.
    is_attribute: bool,
}

/// The state between two looks at a growing buffer.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    position: usize,
    open: Vec<Open>,
    /// Bytes the buffer must hold before another look is worth it.
    wanted: usize,
}

impl Scanner {
    /// The length of the first whole reply in `buffer`, or `None` where there is none yet. After `Some`
    /// the scanner is at the beginning of the next reply.
    pub(super) fn advance(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        while self.position < buffer.len() && self.wanted <= buffer.len() {
            if !self.value(buffer)? {
                return Ok(None);
            }
            if self.open.is_empty() {
                let end = self.position;
                *self = Self {
                    open: std::mem::take(&mut self.open),
                    ..Self::default()
                };
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// How many bytes are missing at least, as far as is known.
    pub(super) fn missing(&self, have: usize) -> usize {
        self.wanted.saturating_sub(have)
    }

    /// Steps over one value or one aggregate's head. False where it isn't all there yet.
    fn value(&mut self, buffer: &[u8]) -> Result<bool, ProtocolError> {
        let kind = buffer[self.position];
        // Told at once: a TLS alert or another protocol's greeting may hold no line end, and end there.
        if !is_line(kind) && !is_body(kind) {
            return Err(ProtocolError::UnknownType(kind));
        }
        let Some((head, after)) = line(buffer, self.position + 1, limits::MAX_RESP_LINE_BYTES)?
        else {
            return Ok(false);
        };
        if is_line(kind) {
            if matches!(kind, b':') {
                parse_number(head)?;
            }
            self.position = after;
            self.close();
            return Ok(true);
        }
        match kind {
            b'$' | b'=' | b'!' => self.string(buffer, head, after, kind),
            _ => self.aggregate(head, after, kind).map(|()| true),
        }
    }

    fn string(
        &mut self,
        buffer: &[u8],
        head: &[u8],
        after: usize,
        kind: u8,
    ) -> Result<bool, ProtocolError> {
        let length = parse_number(head)?;
        if length == -1 && kind == b'$' {
            self.position = after;
            self.close();
            return Ok(true);
        }
        let length = usize::try_from(length).map_err(|_| ProtocolError::BadNumber)?;
        if length > limits::MAX_RESP_STRING_BYTES {
            return Err(ProtocolError::TooLarge(length as u64));
        }
        let end = after + length + 2;
        if buffer.len() < end {
            self.wanted = end;
            return Ok(false);
        }
        if &buffer[end - 2..end] != b"\r\n" {
            return Err(ProtocolError::BadEnd);
        }
        self.position = end;
        self.close();
        Ok(true)
    }

    fn aggregate(&mut self, head: &[u8], after: usize, kind: u8) -> Result<(), ProtocolError> {
        self.position = after;
        let count = parse_number(head)?;
        if count == -1 && kind == b'*' {
            self.close();
            return Ok(());
        }
        let count = u64::try_from(count).map_err(|_| ProtocolError::BadNumber)?;
        if count > limits::MAX_RESP_ELEMENTS {
            return Err(ProtocolError::TooLarge(count));
        }
        let is_attribute = kind == b'|';
        let remaining = if matches!(kind, b'%' | b'|') {
            count * 2
        } else {
            count
        };
        if remaining == 0 {
            if is_attribute {
                self.need_value();
            } else {
                self.close();
            }
            return Ok(());
        }
        if self.open.len() >= limits::MAX_RESP_DEPTH {
            return Err(ProtocolError::TooDeep);
        }
        self.open.push(Open {
            remaining,
            is_attribute,
        });
        Ok(())
    }

    /// An attribute at the top ended: the value it belongs to is still to come.
    fn need_value(&mut self) {
        if self.open.is_empty() {
            self.open.push(Open {
                remaining: 1,
                is_attribute: false,
            });
        }
    }

    /// One value ended: so does each aggregate of which it was the last element.
    fn close(&mut self) {
        while let Some(top) = self.open.last_mut() {
            top.remaining -= 1;
            if top.remaining > 0 {
                return;
            }
            let ended = *top;
            self.open.pop();
            if ended.is_attribute {
                self.need_value();
                return;
            }
        }
    }
}
