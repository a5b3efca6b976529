//! What can be told from a cursor, and that is little: a share for the eye, and whether cursors repeat.
//! A cursor is bytes; nothing here is needed to go on with one.

use bytes::Bytes;

/// The cursor that begins a walk, and the one that ends it.
pub(super) const EDGE: &[u8] = b"0";

/// The share of the table that lies behind a cursor of a server with one table a database: buckets are visited
/// in the order of their reversed bits (the algorithm is Pieter Noordhuis', described in Redis' `dict.c`).
/// `None` where the cursor is no number.
pub(super) fn share_of(cursor: &[u8]) -> Option<f64> {
    let number: u64 = std::str::from_utf8(cursor).ok()?.parse().ok()?;
    // 2^64 as a double; the quotient of the largest cursor rounds to 1 at most.
    Some(number.reverse_bits() as f64 / 18_446_744_073_709_551_616.0)
}

/// Finds out that a sequence repeats, holding one element of it (Brent, *An improved Monte Carlo factorization
/// algorithm*, 1980): the held cursor moves up at each power of two, so that a circle of any length is seen
/// within three times its length.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    held: Option<Bytes>,
    steps: u64,
    next_move: u64,
}

impl Repeats {
    /// True where this cursor was seen before.
    pub(super) fn see(&mut self, cursor: &Bytes) -> bool {
        if self.held.as_ref() == Some(cursor) {
            return true;
        }
        self.steps += 1;
        if self.steps >= self.next_move {
            self.next_move = self.steps * 2;
            // Copied: a slice would keep the page that it came with in memory.
            self.held = Some(Bytes::copy_from_slice(cursor));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Repeats, share_of};
    use bytes::Bytes;
    use proptest::prelude::{prop_assert, proptest};

    /// Cursors of a walk over 8 buckets, as a Redis 7.0 with that many gives them.
    #[test]
    fn p10_share_of_one_table_is_golden() {
        for (cursor, share) in [
            ("4", 0.125),
            ("2", 0.25),
            ("6", 0.375),
            ("1", 0.5),
            ("5", 0.625),
            ("3", 0.75),
            ("7", 0.875),
        ] {
            assert_eq!(share_of(cursor.as_bytes()), Some(share), "{cursor}");
        }
        assert_eq!(share_of(b"0"), Some(0.0));
        assert!(share_of(b"18446744073709551615").expect("share") <= 1.0);
        assert_eq!(share_of(b"0B3a21-{06S}-96"), None);
        assert_eq!(share_of(b""), None);
    }

    proptest! {
        #[test]
        fn a_circle_is_seen_soon(lead in 0u64..100, length in 1u64..100) {
            let mut repeats = Repeats::default();
            let mut seen_at = None;
            for step in 0..(lead + length) * 4 + 4 {
                let place = if step < lead { step } else { lead + (step - lead) % length };
                if repeats.see(&Bytes::from(place.to_string())) {
                    seen_at = Some(step);
                    break;
                }
            }
            let seen_at = seen_at.expect("seen");
            prop_assert!(seen_at <= (lead + length) * 3 + 3, "{seen_at}");
        }

        #[test]
        fn a_line_is_no_circle(length in 1u64..5000) {
            let mut repeats = Repeats::default();
            for step in 0..length {
                prop_assert!(!repeats.see(&Bytes::from(step.to_string())));
            }
        }
    }
}
