//! Several lanes over one node, purely: how a walk is cut, where each lane stands, when it ends, and what no lane's cursor
//! can be. Holds no await, clock or randomness, and sends nothing.
//!
//! One table is visited in the order of its buckets' reversed bits, whatever its size (see `estimate`), so that 2^b walks
//! that start at cursors 0..2^b each own the part in which the low b bits stay theirs. Where each slot has a table, a walk
//! can start at any slot. Servers don't document either: each cursor is checked, and what doesn't fit ends the lanes.

use std::sync::Arc;
use std::time::Duration;

use super::estimate::{Kind, Ranks, SlotsSeen, number, share_of_table, slot_of};
use super::mark::{LanePlace, Span};
use super::options::Lanes;
use crate::key::{Slot, SlotSet};
use crate::limits;

/// What is known before a walk begins, and decides into how many lanes it is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    /// DBSIZE of the node.
    pub(crate) total_keys: u64,
    /// Of the server while it is idle.
    pub(crate) round_trip: Duration,
    /// What depends on every key being found runs in lanes only where the suite has passed on the server's version.
    pub(crate) is_proven: bool,
}

/// Product, and beginning of the version, of servers on which the conformance suite has passed with lanes.
const PROVEN: &[(&str, &str)] = &[("Redis", "7.0."), ("Valkey", "9.1.")];

/// Whether lanes have passed the conformance suite on this version. Deletes take one lane elsewhere.
pub(crate) fn are_proven(product: &str, version: &str) -> bool {
    PROVEN
        .iter()
        .any(|(name, begin)| *name == product && version.starts_with(begin))
}

/// Into how many lanes a walk is cut.
pub(super) fn number_of(lanes: Lanes, ground: Option<&Ground>, is_bounded: bool) -> u32 {
    if ground.is_some_and(|ground| !ground.is_proven) {
        return 1;
    }
    let wanted = match (lanes, ground) {
        (Lanes::Fixed(wanted), _) => wanted.clamp(1, limits::MAX_LANES),
        (Lanes::Auto, Some(ground))
            if !is_bounded
                && ground.round_trip >= limits::LANES_LEAST_ROUND_TRIP
                && ground.total_keys >= limits::LANES_LEAST_KEYS =>
        {
            limits::LANES_AUTO
        }
        (Lanes::Auto, _) => 1,
    };
    let room = ground.map_or(u64::MAX, |ground| {
        (ground.total_keys / limits::LANE_LEAST_KEYS).max(1)
    });
    let most = wanted.min(u32::try_from(room).unwrap_or(u32::MAX));
    // The next power of two that is not above.
    1 << most.ilog2()
}

/// A cursor, or a page, that the structure does not explain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DoesNotFit;

impl Span {
    /// The cursor that a walk of it begins with.
    fn start(self) -> u64 {
        match self {
            Self::Part { .. } => self.begins_at().reverse_bits(),
            Self::Slots { first, .. } => u64::from(first),
        }
    }

    /// Of a part: its place in the order of the walk.
    fn begins_at(self) -> u64 {
        match self {
            Self::Part { number, bits } if bits > 0 => u64::from(number) << (u64::BITS - bits),
            Self::Part { .. } | Self::Slots { .. } => 0,
        }
    }

    /// Where a lane stands that was at `from`, and was given `next` with a page of such slots; `None` behind its end.
    fn step(self, from: u64, next: u64, seen: &SlotsSeen) -> Result<Option<u64>, DoesNotFit> {
        match self {
            Self::Slots { last, .. } => {
                if !seen.fit(from, next) {
                    return Err(DoesNotFit);
                }
                Ok((next != 0 && slot_of(next) <= last).then_some(next))
            }
            Self::Part { number, bits } => {
                let width = 1_u128 << (u64::BITS - bits);
                let end = u128::from(self.begins_at()) + width;
                let is_last = u64::from(number) + 1 == 1 << bits;
                if next == 0 {
                    // A server that knows no such cursor may say so by an end; only the last part has one.
                    return if is_last { Ok(None) } else { Err(DoesNotFit) };
                }
                let at = u128::from(next.reverse_bits());
                // A page may reach into the next part, and never over it.
                if at <= u128::from(from.reverse_bits()) || at >= end + width {
                    return Err(DoesNotFit);
                }
                Ok((at < end).then_some(next))
            }
        }
    }

    /// Whether this lane is the one to hand a key of this slot out. Parts can't be told by a key.
    pub(super) fn holds(self, slot: Slot) -> bool {
        match self {
            Self::Slots { first, last } => (first..=last).contains(&slot.number()),
            Self::Part { .. } => true,
        }
    }
}

/// One lane.
#[derive(Debug)]
struct Lane {
    place: LanePlace,
    /// How far its last page went in the order of the walk, and the COUNT it was asked with.
    last_page: Option<(u64, u32)>,
}

/// All lanes of a walk.
#[derive(Debug)]
pub(super) struct Course {
    lanes: Vec<Lane>,
    ranks: Option<Ranks>,
}

impl Course {
    /// 2^bits equal parts of one table.
    pub(super) fn parts(lanes: u32) -> Self {
        let bits = lanes.ilog2();
        Self::starting((0..1 << bits).map(|number| Span::Part { number, bits }))
    }

    /// So many ranges of slots, with as many slots each.
    pub(super) fn slots(slots: &SlotSet, lanes: u32) -> Self {
        let all: Vec<Slot> = slots.iter().collect();
        let size = all.len().div_ceil(lanes.max(1) as usize).max(1);
        let spans = all.chunks(size).filter_map(|slots| {
            let (first, last) = (slots.first()?.number(), slots.last()?.number());
            Some(Span::Slots { first, last })
        });
        Self {
            ranks: Some(Ranks::of(slots)),
            ..Self::starting(spans)
        }
    }

    /// The ranges that a set consists of, so that nothing between them is walked.
    pub(super) fn ranges(slots: &SlotSet) -> Self {
        let ranges = slots.ranges().map(|(first, last)| Span::Slots {
            first: first.number(),
            last: last.number(),
        });
        let ranges: Vec<_> = ranges.take(limits::MAX_LANES as usize + 1).collect();
        if ranges.len() > limits::MAX_LANES as usize {
            return Self::slots(slots, limits::MAX_LANES);
        }
        Self {
            ranks: Some(Ranks::of(slots)),
            ..Self::starting(ranges.into_iter())
        }
    }

    /// Where a Mark has them.
    pub(super) fn at(places: &[LanePlace]) -> Self {
        let lane = |place: &LanePlace| Lane {
            place: *place,
            last_page: None,
        };
        Self {
            lanes: places.iter().map(lane).collect(),
            ranks: None,
        }
    }

    /// How far it is, is told by the slots that the node has.
    pub(super) fn rank(&mut self, slots: &SlotSet) {
        self.ranks = Some(Ranks::of(slots));
    }

    fn starting(spans: impl Iterator<Item = Span>) -> Self {
        let lane = |span: Span| Lane {
            place: LanePlace {
                span,
                cursor: Some(span.start()),
            },
            last_page: None,
        };
        Self {
            lanes: spans.map(lane).collect(),
            ranks: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn span(&self, lane: usize) -> Span {
        self.lanes[lane].place.span
    }

    /// Where a lane goes on, unless it has ended.
    pub(super) fn cursor(&self, lane: usize) -> Option<u64> {
        self.lanes[lane].place.cursor
    }

    /// A lane's page came whole, with the cursor behind it.
    pub(super) fn advance(
        &mut self,
        lane: usize,
        next: &[u8],
        seen: &SlotsSeen,
        count: u32,
    ) -> Result<(), DoesNotFit> {
        let Lane { place, last_page } = &mut self.lanes[lane];
        let from = place.cursor.ok_or(DoesNotFit)?;
        let next = number(next).ok_or(DoesNotFit)?;
        place.cursor = place.span.step(from, next, seen)?;
        *last_page = place
            .cursor
            .map(|at| (at.reverse_bits().wrapping_sub(from.reverse_bits()), count));
        Ok(())
    }

    /// A COUNT that a part's last page needs, so that it doesn't reach far into the next one, whose keys would come twice.
    pub(super) fn most(&self, lane: usize) -> Option<u32> {
        let Lane { place, last_page } = &self.lanes[lane];
        let (Span::Part { bits, .. }, Some(at), Some((went, count))) =
            (place.span, place.cursor, *last_page)
        else {
            return None;
        };
        let end = u128::from(place.span.begins_at()) + (1 << (u64::BITS - bits));
        let left = (end - u128::from(at.reverse_bits())) as f64 / went.max(1) as f64;
        // A quarter more, so that it is the last one: a page's keys are spread unevenly.
        let needed = (left * 1.25 * f64::from(count)).ceil();
        (needed < f64::from(count)).then_some((needed as u32).max(limits::COUNT_MIN))
    }

    pub(super) fn is_ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.place.cursor.is_none())
    }

    /// The share of the walk that is done.
    pub(super) fn share(&self) -> f64 {
        let shares = self.lanes.iter().map(|lane| self.share_of(lane));
        (shares.sum::<f64>() / self.lanes.len().max(1) as f64).min(1.0)
    }

    fn share_of(&self, lane: &Lane) -> f64 {
        let Some(cursor) = lane.place.cursor else {
            return 1.0;
        };
        match (lane.place.span, &self.ranks) {
            (Span::Part { number, bits }, _) => {
                let parts = f64::from(1_u32 << bits);
                share_of_table(cursor) * parts - f64::from(number)
            }
            (Span::Slots { first, last }, Some(ranks)) => {
                let [begin, end] = [first, last + 1].map(|slot| ranks.share_of(u64::from(slot)));
                let behind = ranks.share_of(cursor) - begin;
                (behind / (end - begin).max(f64::EPSILON)).clamp(0.0, 1.0)
            }
            (Span::Slots { .. }, None) => 0.0,
        }
    }

    /// For a Mark.
    pub(super) fn places(&self) -> Arc<[LanePlace]> {
        self.lanes.iter().map(|lane| lane.place).collect()
    }
}

/// How a walk of this kind is cut; `None` where it is not.
pub(super) fn cut(
    kind: Kind,
    slots: Option<&SlotSet>,
    is_narrow: bool,
    lanes: u32,
) -> Option<Course> {
    let course = match (kind, slots) {
        (Kind::TablePerSlot, Some(slots)) if is_narrow && lanes == 1 => Course::ranges(slots),
        (Kind::TablePerSlot, Some(slots)) => Course::slots(slots, lanes),
        (Kind::OneTable | Kind::TablePerSlot, _) => Course::parts(lanes),
    };
    (course.len() > 1 || is_narrow && kind == Kind::TablePerSlot).then_some(course)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::{Course, DoesNotFit, Ground, Span, are_proven, cut, number_of};
    use crate::key::{Slot, SlotSet};
    use crate::scan::Lanes;
    use crate::scan::estimate::{Kind, SlotsSeen};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn none() -> SlotsSeen {
        SlotsSeen::default()
    }

    fn slot(number: u16) -> Slot {
        Slot::new(number).expect("a slot")
    }

    /// The bucket of a table of 2^bits buckets that a cursor names, and the cursor behind it: as Redis' `dictScan`.
    fn visit(cursor: u64, bits: u32) -> (u64, u64) {
        let mask = (1 << bits) - 1;
        let next = (cursor | !mask).reverse_bits().wrapping_add(1);
        (cursor & mask, next.reverse_bits())
    }

    #[test]
    fn lanes_begin_at_all_low_bits_and_end_with_them() {
        let course = Course::parts(4);
        let starts: Vec<_> = (0..4).map(|lane| course.cursor(lane)).collect();
        assert_eq!(starts, [Some(0), Some(2), Some(1), Some(3)]);
        let second = Span::Part { number: 1, bits: 2 };
        assert_eq!(second.step(2, 6, &none()), Ok(Some(6)));
        assert_eq!(second.step(6, 1, &none()), Ok(None), "the third begins");
        assert_eq!(second.step(6, 5, &none()), Ok(None), "a page may go over");
        assert_eq!(second.step(6, 3, &none()), Err(DoesNotFit), "not so far");
        assert_eq!(second.step(6, 2, &none()), Err(DoesNotFit), "not back");
        assert_eq!(second.step(6, 6, &none()), Err(DoesNotFit));
        assert_eq!(
            second.step(6, 0, &none()),
            Err(DoesNotFit),
            "the end is the last lane's"
        );
        let last = Span::Part { number: 3, bits: 2 };
        assert_eq!(last.step(7, 0, &none()), Ok(None));
    }

    #[test]
    fn slots_are_cut_evenly_and_what_leaves_them_ends_the_lane() {
        let mut owned = SlotSet::range(slot(0), slot(9));
        owned.extend_with(&SlotSet::range(slot(100), slot(109)));
        let course = Course::slots(&owned, 4);
        let spans: Vec<_> = (0..course.len()).map(|lane| course.span(lane)).collect();
        let whole = [(0, 4), (5, 9), (100, 104), (105, 109)]
            .map(|(first, last)| Span::Slots { first, last });
        assert_eq!(spans, whole);
        let span = Span::Slots { first: 5, last: 9 };
        assert_eq!(span.step(5, 7, &none()), Ok(Some(7)));
        assert_eq!(
            span.step(7, (1 << 14) | 7, &none()),
            Ok(Some((1 << 14) | 7))
        );
        assert_eq!(span.step(7, 100, &none()), Ok(None));
        assert_eq!(
            span.step(7, 0, &none()),
            Ok(None),
            "no slot behind has keys"
        );
        assert_eq!(span.step(7, 6, &none()), Err(DoesNotFit));
        let mut foreign = SlotsSeen::default();
        foreign.see(slot(3));
        assert_eq!(span.step(5, 7, &foreign), Err(DoesNotFit), "one table");
        assert!(span.holds(slot(9)) && !span.holds(slot(10)));
        assert_eq!(Course::ranges(&owned).len(), 2);
        let scattered: SlotSet = (0..16_000).step_by(2).map(slot).collect();
        assert_eq!(Course::ranges(&scattered).len(), 64);
    }

    #[test]
    fn lanes_are_as_many_as_there_is_ground_for() {
        let far = Ground {
            total_keys: 1_000_000,
            round_trip: Duration::from_millis(1),
            is_proven: true,
        };
        let near = Ground {
            round_trip: Duration::from_micros(999),
            ..far
        };
        let small = Ground {
            total_keys: 99_999,
            ..far
        };
        let unproven = Ground {
            is_proven: false,
            ..far
        };
        let auto = |ground, bounded| number_of(Lanes::Auto, ground, bounded);
        assert_eq!(auto(Some(&far), false), 16);
        for (ground, bounded) in [
            (None, false),
            (Some(&far), true),
            (Some(&near), false),
            (Some(&small), false),
            (Some(&unproven), false),
        ] {
            assert_eq!(auto(ground, bounded), 1, "{ground:?} {bounded}");
        }
        for (wanted, lanes) in [(0, 1), (1, 1), (3, 2), (16, 16), (63, 32), (1000, 64)] {
            assert_eq!(number_of(Lanes::Fixed(wanted), Some(&near), true), lanes);
        }
        assert_eq!(number_of(Lanes::Fixed(64), Some(&unproven), false), 1);
        let tiny = Ground {
            total_keys: 5000,
            ..far
        };
        assert_eq!(number_of(Lanes::Fixed(64), Some(&tiny), false), 4);
        assert!(are_proven("Redis", "7.0.15") && are_proven("Valkey", "9.1.2"));
        assert!(!are_proven("Redis", "7.4.0") && !are_proven("KeyDB", "7.0.1"));
    }

    #[test]
    fn one_lane_over_all_slots_is_no_cut() {
        let all = SlotSet::all();
        assert!(cut(Kind::TablePerSlot, Some(&all), false, 1).is_none());
        assert!(cut(Kind::OneTable, None, false, 1).is_none());
        assert!(cut(Kind::OneTable, Some(&all), true, 1).is_none());
        assert!(cut(Kind::TablePerSlot, Some(&all), true, 1).is_some());
    }

    proptest! {
        /// Whatever sizes a table takes on between two calls, every key is met by one lane at least.
        #[test]
        fn every_key_is_met_while_the_table_changes_its_size(
            lanes in 1..7_u32,
            sizes in prop::collection::vec(6..13_u32, 1..40),
            hashes in prop::collection::vec(any::<u64>(), 1..60),
            buckets in 1..9_usize,
        ) {
            let mut course = Course::parts(1 << lanes);
            let mut met: BTreeSet<u64> = BTreeSet::new();
            let mut sizes = sizes.iter().cycle();
            let mut share = 0.0;
            while let Some(lane) = (0..course.len()).rev().find(|lane| course.cursor(*lane).is_some()) {
                let mut next = course.cursor(lane).expect("goes on");
                for _ in 0..buckets {
                    let bits = *sizes.next().expect("for ever");
                    let (bucket, behind) = visit(next, bits);
                    met.extend(hashes.iter().filter(|hash| **hash & ((1 << bits) - 1) == bucket));
                    next = behind;
                    // A page ends with the table, and goes no further than a part beyond its own.
                    if next == 0 || course.span(lane).step(course.cursor(lane).expect("goes on"), next, &none()) == Ok(None) {
                        break;
                    }
                }
                let fits = course.advance(lane, next.to_string().as_bytes(), &none(), 10);
                prop_assert_eq!(fits, Ok(()));
                prop_assert!(course.share() >= share - 1e-9 && course.share() <= 1.0);
                share = course.share();
            }
            prop_assert_eq!(met.len(), hashes.iter().collect::<BTreeSet<_>>().len());
        }

        #[test]
        fn what_is_no_cursor_of_a_lane_never_panics(from in any::<u64>(), next in any::<u64>(), number in 0..64_u32, bits in 1..7_u32) {
            let span = Span::Part { number: number % (1 << bits), bits };
            if let Ok(Some(at)) = span.step(from, next, &none()) {
                prop_assert!(at.reverse_bits() > from.reverse_bits());
            }
            let slots = Span::Slots { first: 10, last: 16_383 };
            let _ = slots.step(from, next, &none());
        }
    }
}
