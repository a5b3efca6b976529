//! What people read about a cluster's slots: which were not walked whole, and that some were walked again. Builds text;
//! writes nothing.

use keypace::{SlotSet, Summary};

use super::figures::{grouped, plural};

/// More ranges fill a screen and help nobody; `--checkpoint` has them all.
const MAX_RANGES: usize = 10;

/// How many slots, and which.
fn named(slots: &SlotSet) -> String {
    let ranges: Vec<String> = slots
        .ranges()
        .take(MAX_RANGES)
        .map(|(first, last)| {
            if first == last {
                first.number().to_string()
            } else {
                format!("{}-{}", first.number(), last.number())
            }
        })
        .collect();
    let shown = ranges.join(" ");
    let more = match slots.ranges().count().saturating_sub(MAX_RANGES) {
        0 => String::new(),
        more => format!(" and {}", plural(more as u64, "more range")),
    };
    format!("{} ({shown}{more})", plural(slots.len() as u64, "slot"))
}

/// What was not walked whole, for stderr.
pub(crate) fn not_walked(slots: &SlotSet) -> String {
    format!("not walked whole: {}", named(slots))
}

/// That a part was walked again, for stderr.
pub(crate) fn repeated(summary: &Summary) -> Option<String> {
    told(
        summary
            .shards
            .iter()
            .map(|shard| shard.repeated_slots)
            .sum(),
    )
}

fn told(slots: u64) -> Option<String> {
    match slots {
        0 => None,
        1 => Some("note: 1 slot was walked again, as it moved meanwhile".to_owned()),
        _ => Some(format!(
            "note: {} slots were walked again, as they moved meanwhile",
            grouped(slots)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{not_walked, told};
    use keypace::SlotSet;

    #[test]
    fn a_repetition_is_told() {
        assert_eq!(told(0), None);
        let text = told(1000).expect("text");
        assert!(text.contains("1,000 slots were walked again"), "{text}");
    }

    #[test]
    fn slots_are_named_as_ranges_up_to_a_bound() {
        let slots = |text: &str| SlotSet::parse(text).expect("slots");
        assert_eq!(
            not_walked(&slots("5 7-9")),
            "not walked whole: 4 slots (5 7-9)"
        );
        assert_eq!(not_walked(&slots("5")), "not walked whole: 1 slot (5)");
        let every_second: SlotSet = SlotSet::all()
            .iter()
            .filter(|slot| slot.number() % 2 == 0)
            .collect();
        assert_eq!(
            not_walked(&every_second),
            "not walked whole: 8,192 slots (0 2 4 6 8 10 12 14 16 18 and 8,182 more ranges)"
        );
    }
}
