//! The pure part of deleting by itself: answers and losses in any order, and what every key comes to.

use super::{Answer, Batch, Pieces, Refused, Room, Settled, Tally};
use crate::error::ErrorKind;
use crate::key::{Key, Slot};
use crate::limits;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use std::collections::BTreeSet;

fn batch(id: u64, keys: impl Iterator<Item = u32>) -> Batch {
    Batch {
        id,
        keys: keys.map(|n| Key::new(n.to_string())).collect(),
    }
}

fn refused() -> Refused {
    Refused {
        kind: ErrorKind::Permission,
        text: "no".into(),
        sample: None,
    }
}

#[test]
fn splits_down_to_the_failing_key() {
    let mut pieces = Pieces::default();
    pieces.push(batch(7, 0..8));
    let mut tally = Tally::default();
    let mut commands = 0;
    while let Some(piece) = pieces.send_next(Room::batches()) {
        commands += 1;
        let size = piece.keys().len() as u64;
        let bad = piece.keys().iter().any(|key| key.as_bytes() == b"5");
        let answer = if bad {
            Answer::Keys(refused())
        } else {
            Answer::Removed(size)
        };
        if let Some(settled) = pieces.answered(answer) {
            assert_eq!(settled.batch, 7);
            if settled.tally.failed > 0 {
                assert_eq!(settled.refused.expect("reason").sample, Some(Key::new("5")));
            }
            tally.add(&settled.tally);
        }
    }
    assert_eq!(
        tally,
        Tally {
            deleted: 7,
            failed: 1,
            ..Tally::default()
        }
    );
    assert_eq!(commands, 2 + 2 * 3, "one retry, then halves");
}

#[test]
fn p28b_what_lost_its_reply_is_asked_again_or_unknown() {
    let mut pieces = Pieces::default();
    pieces.push(batch(1, 0..3));
    pieces.push(batch(2, 3..5));
    pieces.push(batch(3, 5..9));
    pieces.send_next(Room::batches()).expect("first");
    pieces.send_next(Room::batches()).expect("second");
    pieces.lost();
    assert_eq!(
        pieces
            .send_next(Room::batches())
            .expect("first again")
            .keys()
            .len(),
        3
    );
    let settled = pieces.answered(Answer::Removed(1)).expect("settled");
    assert_eq!(
        settled.tally,
        Tally {
            deleted: 1,
            already_gone: 2,
            ..Tally::default()
        }
    );
    let unknown = pieces.give_up(&refused());
    assert_eq!(
        unknown.len(),
        1,
        "the third was never sent and is nobody's outcome"
    );
    assert_eq!((unknown[0].batch, unknown[0].tally.unknown), (2, 2));
    assert!(pieces.is_empty());
}

#[test]
fn gives_up_where_everything_fails() {
    let mut pieces = Pieces::default();
    pieces.push(batch(1, 0..10_000));
    while let Some(_piece) = pieces.send_next(Room::batches()) {
        pieces.answered(Answer::Keys(refused()));
    }
    assert!(pieces.is_hopeless());
}

#[test]
fn a_volley_holds_whole_pieces_in_their_order() {
    let mut pieces = Pieces::default();
    for (id, keys) in [0..3, 3..7, 7..12, 12..13, 13..40].into_iter().enumerate() {
        pieces.push(batch(id as u64, keys));
    }
    let mut volleys = Vec::new();
    while !pieces.is_empty() {
        let mut volley = Vec::new();
        while let Some(piece) = pieces.send_next(Room::volley(10)) {
            volley.push((piece.batch.id, piece.keys().len()));
        }
        assert!(!pieces.can_send(Room::one(10)), "nothing goes behind it");
        for (_, size) in &volley {
            assert!(pieces.answered(Answer::Removed(*size as u64)).is_some());
        }
        volleys.push(volley);
    }
    assert_eq!(
        volleys,
        [
            vec![(0, 3), (1, 4)],
            vec![(2, 5), (3, 1)],
            vec![(4, 10)],
            vec![(4, 10)],
            vec![(4, 7)],
        ],
        "the third waits for the next turn, and only what is larger than a turn is cut"
    );
}

#[test]
fn one_batch_goes_under_a_turn_where_slots_do_not_matter() {
    let mut pieces = Pieces::default();
    pieces.push(batch(1, 0..3));
    pieces.push(batch(2, 3..6));
    assert_eq!(
        pieces
            .send_next(Room::one(100))
            .expect("the first")
            .keys()
            .len(),
        3
    );
    assert!(pieces.send_next(Room::one(100)).is_none());
}

#[test]
fn p28c_keys_and_commands_in_flight_are_bounded() {
    for size in [1, 3, 500] {
        let mut pieces = Pieces::default();
        for id in 0..5000 {
            pieces.push(batch(id, 0..size));
        }
        let room = Room::slots(500);
        let fill = |pieces: &mut Pieces| {
            while pieces.send_next(room).is_some() {}
            (pieces.flying.len(), pieces.flying_keys)
        };
        let (commands, keys) = fill(&mut pieces);
        assert!(commands <= limits::MAX_COMMANDS_IN_FLIGHT);
        assert!(keys <= 500 * limits::MAX_BATCHES_IN_FLIGHT);
        assert!(commands == limits::MAX_COMMANDS_IN_FLIGHT || keys + 500 > 4000);
        let mut answered = 0;
        while !pieces.can_send(room) {
            pieces.answered(Answer::Removed(0));
            answered += 1;
        }
        assert_eq!(answered, commands / 2, "by the half");
        assert_eq!(fill(&mut pieces), (commands, keys));
    }
}

#[test]
fn p28_a_moved_piece_is_elsewhere_and_the_others_are_removed() {
    let mut pieces = Pieces::default();
    for id in 0..3 {
        pieces.push(batch(id, 0..4));
        pieces.send_next(Room::volley(100)).expect("sent");
    }
    let first = pieces.answered(Answer::Removed(4)).expect("an end");
    let moved = pieces.answered(Answer::Elsewhere).expect("an end");
    let last = pieces.answered(Answer::Removed(3)).expect("an end");
    assert_eq!((first.tally.deleted, last.tally.deleted), (4, 3));
    assert!(first.elsewhere.is_empty() && last.elsewhere.is_empty());
    assert_eq!(
        (moved.batch, moved.keys, moved.tally),
        (1, 4, Tally::default())
    );
    let mut slots: Vec<Slot> = (0..4).map(|n| Slot::of(n.to_string().as_bytes())).collect();
    slots.sort_unstable();
    assert_eq!(moved.elsewhere, slots);
    assert!(pieces.is_empty());

    pieces.push(Batch {
        id: 9,
        keys: ["{a}1", "{a}2"].map(Key::new).into(),
    });
    pieces.send_next(Room::volley(100)).expect("sent");
    let moved = pieces.answered(Answer::Elsewhere).expect("an end");
    assert_eq!(moved.elsewhere, [Slot::of(b"a")], "each slot once");
}

#[test]
fn p28b_keys_that_are_asked_for_again_are_owed_wherever_they_are() {
    let mut pieces = Pieces::default();
    pieces.push_again(batch(1, 0..4));
    pieces.send_next(Room::volley(100)).expect("sent");
    let moved = pieces.answered(Answer::Elsewhere).expect("an end");
    assert_eq!((moved.lost.len(), moved.tally), (4, Tally::default()));
    // Never sent by this one, and yet unknown.
    pieces.push_again(batch(2, 0..3));
    pieces.push(batch(3, 3..9));
    let unknown = pieces.give_up(&refused());
    let of = |settled: &Settled| (settled.batch, settled.lost.len(), settled.tally.unknown);
    assert_eq!(unknown.iter().map(of).collect::<Vec<_>>(), [(2, 3, 3)]);
}

#[test]
fn p28_a_torn_piece_goes_key_by_key() {
    let mut pieces = Pieces::default();
    pieces.push(batch(1, 0..8));
    let (mut tally, mut elsewhere) = (Tally::default(), 0);
    while let Some(piece) = pieces.send_next(Room::volley(100)) {
        let has_moved = |key: &Key| key.as_bytes() >= b"5".as_slice();
        let moved = piece.keys().iter().filter(|key| has_moved(key)).count();
        let answer = match (moved, piece.keys().len()) {
            (0, keys) => Answer::Removed(keys as u64),
            (moved, keys) if moved == keys => Answer::Elsewhere,
            _ => Answer::Torn,
        };
        if let Some(settled) = pieces.answered(answer) {
            tally.add(&settled.tally);
            elsewhere += settled.keys - settled.tally.sum();
        }
    }
    assert_eq!((tally.deleted, elsewhere), (5, 3));
    pieces.push(batch(2, 0..1));
    pieces.send_next(Room::volley(100)).expect("sent");
    assert!(pieces.answered(Answer::Torn).is_none());
    assert!(
        pieces.has_waiting(),
        "a single key is not torn: it is asked again"
    );
}

proptest! {
    /// p29: whatever fails, is lost, torn, moved or comes late, every key has one outcome or is elsewhere, and keys go
    /// out in the order they came in.
    #[test]
    fn p29_the_sum_of_outcomes_is_what_was_pushed(
        sizes in prop::collection::vec(1u32..40, 1..12),
        bad in prop::collection::btree_set(0u32..400, 0..20),
        fates in prop::collection::vec(any::<u8>(), 1..200),
        most in 0usize..60,
        kind in 0..4,
    ) {
        let room = match kind {
            0 => Room::batches(),
            1 => Room::one(most),
            2 => Room::volley(most),
            _ => Room::slots(most),
        };
        let mut pieces = Pieces::default();
        let mut total = 0;
        for (id, size) in sizes.iter().enumerate() {
            pieces.push(batch(id as u64, total..total + size));
            total += size;
        }
        let bad: BTreeSet<String> = bad.iter().map(ToString::to_string).collect();
        let mut tally = Tally::default();
        let mut elsewhere = BTreeSet::new();
        // The first key that was never sent.
        let mut new = 0;
        let mut fates = fates.iter().copied().chain(std::iter::repeat(255));
        while !pieces.is_empty() {
            while let Some(piece) = pieces.send_next(room) {
                for key in piece.keys().iter().map(|key| key.escaped().to_string()) {
                    let number: u32 = key.parse().expect("a number");
                    prop_assert!(number <= new, "{} before {}", number, new);
                    new = new.max(number + 1);
                }
            }
            let keys: usize = pieces.flying.iter().map(|piece| piece.keys().len()).sum();
            prop_assert_eq!(keys, pieces.flying_keys);
            prop_assert!(pieces.is_flying() && pieces.flying.len() <= room.commands);
            prop_assert!(keys <= room.keys.max(1));
            match fates.next().expect("endless") {
                0..=20 => pieces.lost(),
                21..=40 => prop_assert!(pieces.answered(Answer::Later).is_none()),
                41..=60 => {
                    let one = pieces.asked() == 1;
                    prop_assert!(pieces.answered(Answer::Torn).is_none());
                    prop_assert!(!one || pieces.waiting[0].keys().len() == 1);
                }
                61..=80 => {
                    let keys = pieces.flying[0].keys().to_vec();
                    let settled = pieces.answered(Answer::Elsewhere).expect("an end");
                    prop_assert_eq!(settled.tally, Tally::default());
                    prop_assert_eq!(settled.keys, keys.len() as u64);
                    for key in keys {
                        prop_assert!(settled.elsewhere.binary_search(&Slot::of(key.as_bytes())).is_ok());
                        prop_assert!(elsewhere.insert(key.escaped().to_string()), "once");
                    }
                }
                fate => {
                    let keys: Vec<String> = pieces.flying[0].keys().iter().map(|k| k.escaped().to_string()).collect();
                    let answer = if keys.iter().any(|key| bad.contains(key)) {
                        Answer::Keys(refused())
                    } else {
                        Answer::Removed(keys.len() as u64 - u64::from(fate % 2).min(keys.len() as u64))
                    };
                    if let Some(settled) = pieces.answered(answer) {
                        tally.add(&settled.tally);
                    }
                }
            }
        }
        prop_assert_eq!(tally.sum() + elsewhere.len() as u64, u64::from(total));
        let here = |n: &u32| !elsewhere.contains(&n.to_string());
        let bad_here = (0..total).filter(here).filter(|n| bad.contains(&n.to_string())).count();
        prop_assert_eq!(tally.failed, bad_here as u64);
    }
}

#[test]
fn p29_a_piece_that_stopped_half_way_has_two_ends() {
    let mut pieces = Pieces::cut_to(4);
    pieces.push(batch(1, 0..6));
    assert_eq!(
        pieces.send_next(Room::batches()).expect("one").keys().len(),
        4
    );
    assert_eq!(
        pieces.send_next(Room::batches()).expect("two").keys().len(),
        2
    );
    assert_eq!((pieces.asked(), pieces.oldest().len()), (4, 4));
    pieces.cut_oldest(3);
    assert_eq!((pieces.asked(), pieces.flying()), (3, 3));
    let tally = Tally {
        deleted: 1,
        skipped: 1,
        ..Tally::default()
    };
    let checked = Answer::Checked {
        tally,
        unmatched: 1,
        refused: Some(refused()),
    };
    let settled = pieces.answered(checked).expect("an end");
    assert_eq!(
        (settled.keys, settled.unmatched, settled.tally),
        (3, 1, tally)
    );
    let settled = pieces.answered(Answer::Never(refused())).expect("an end");
    assert_eq!(
        (settled.keys, settled.tally.failed, settled.unmatched),
        (1, 1, 0)
    );
    // What lost its reply may have run; where it never ran, nothing of it is left out.
    pieces.lost();
    let settled = pieces.give_up(&refused());
    assert_eq!(settled.len(), 1);
    assert_eq!((settled[0].tally.unknown, settled[0].unmatched), (2, 0));
}
