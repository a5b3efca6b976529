//! What can be told from a cursor as bytes, and that is little: where a walk begins and ends, and whether cursors repeat.
//! Nothing here is needed to go on with one.

use bytes::Bytes;

/// The cursor that begins a walk, and the one that ends it.
pub(super) const EDGE: &[u8] = b"0";

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
    use super::Repeats;
    use bytes::Bytes;
    use proptest::prelude::{prop_assert, proptest};

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
