//! Groups against every answer: each key ends once, nothing that may have run is forgotten, and what changed is found by
//! halves.

use super::{Came, Found, Group, Groups, Rules, Seen};
use crate::delete::script::Fate;
use crate::delete::state::{Batch, Refused, Settled, Tally};
use crate::delete::watched::reads::Form;
use crate::error::ErrorKind;
use crate::key::{Key, Slot};
use crate::limits;

const SAVING: Rules = Rules {
    is_first_look: false,
    max_value_bytes: Some(100),
};

fn batch(id: u64, keys: usize) -> Batch {
    let keys = (0..keys).map(|n| Key::new(format!("{{{id}}}:{n}")));
    Batch {
        id,
        keys: keys.collect(),
    }
}

fn groups(keys: usize) -> Groups {
    let mut groups = Groups::new(limits::WATCH_GROUP_KEYS);
    groups.push(batch(1, keys));
    groups
}

fn here(bytes: u64) -> Seen {
    Seen::Here(Found {
        expires_at_ms: None,
        form: Form::Text,
        bytes,
    })
}

fn why(kind: ErrorKind) -> Refused {
    Refused {
        kind,
        text: "x".to_owned(),
        sample: None,
    }
}

fn total(settled: &[Settled]) -> (u64, Tally) {
    let mut tally = Tally::default();
    for settled in settled {
        tally.add(&settled.tally);
    }
    (settled.iter().map(|settled| settled.keys).sum(), tally)
}

fn next(groups: &mut Groups) -> Group {
    groups.next(usize::MAX).expect("one waits")
}

#[test]
fn batches_are_cut_into_groups_that_keep_their_number() {
    let mut groups = groups(limits::WATCH_GROUP_KEYS * 2 + 1);
    let sizes: Vec<usize> =
        std::iter::from_fn(|| groups.next(usize::MAX).map(|group| group.keys().len())).collect();
    assert_eq!(
        sizes,
        [limits::WATCH_GROUP_KEYS, limits::WATCH_GROUP_KEYS, 1]
    );
    let mut one = Groups::new(0);
    one.push(batch(1, 2));
    assert_eq!(next(&mut one).keys().len(), 1, "a group has a key");
}

#[test]
fn p29_what_the_questions_say_settles_keys_and_leaves_the_rest() {
    let mut groups = groups(5);
    let mut group = next(&mut groups);
    let seen = [here(1), Seen::Gone, Seen::Refused, here(101), here(100)];
    let looked = group.looked(&seen, SAVING);
    assert_eq!(group.keys(), [Key::new("{1}:0"), Key::new("{1}:4")]);
    let sizes: Vec<u64> = looked.found.iter().map(|found| found.bytes).collect();
    assert_eq!(sizes, [1, 100]);
    let (keys, tally) = total(&looked.settled);
    assert_eq!((keys, tally.already_gone, tally.skipped), (3, 1, 2));
    let kinds = looked.settled.iter().filter_map(|settled| {
        let refused = settled.refused.as_ref()?;
        Some((refused.kind, refused.sample.clone().expect("named")))
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(
        kinds,
        [
            (ErrorKind::Changed, Key::new("{1}:2")),
            (ErrorKind::TooLarge, Key::new("{1}:3")),
        ]
    );
    groups.settle(looked.settled);
    groups.came(group, Came::Removed(1));
    let (keys, tally) = total(&groups.take_settled());
    assert_eq!((keys, tally.deleted, tally.already_gone), (5, 1, 2));
}

#[test]
fn a_first_look_that_fails_never_matched_and_a_second_one_is_a_change() {
    let first = Rules {
        is_first_look: true,
        max_value_bytes: None,
    };
    let mut groups = groups(2);
    let mut group = next(&mut groups);
    let looked = group.looked(&[Seen::Refused, here(u64::MAX)], first);
    assert_eq!(looked.settled[0].unmatched, 1);
    assert_eq!(total(&looked.settled), (1, Tally::default()));
    groups.came(group, Came::Changed);
    let mut group = next(&mut groups);
    let looked = group.looked(&[Seen::Refused], first);
    assert_eq!(total(&looked.settled).1.skipped, 1, "it passed before");
    assert!(group.keys().is_empty());

    // An earlier delete had it pass, too.
    let mut again = Groups::new(8);
    again.push_again(batch(2, 1));
    let looked = next(&mut again).looked(&[Seen::Refused], first);
    assert_eq!(looked.settled[0].tally.skipped, 1);
}

#[test]
fn p32_a_key_that_changes_is_found_by_halves_and_left_alone_in_the_end() {
    let mut groups = groups(64);
    let busy = Key::new("{1}:17");
    let mut tries = 0;
    while let Some(mut group) = groups.next(usize::MAX) {
        tries += 1;
        assert!(tries < 40, "halves, not one by one");
        let size = group.keys().len();
        let looked = group.looked(&vec![here(1); size], SAVING);
        assert_eq!(looked.found.len(), size);
        let came = if group.keys().contains(&busy) {
            Came::Changed
        } else {
            Came::Removed(size as u64)
        };
        groups.came(group, came);
    }
    let settled = groups.take_settled();
    let (keys, tally) = total(&settled);
    assert_eq!((keys, tally.deleted, tally.skipped), (64, 63, 1));
    let refused = settled.iter().find_map(|settled| settled.refused.as_ref());
    let refused = refused.expect("one is named");
    assert_eq!(
        (refused.kind, refused.sample.as_ref()),
        (ErrorKind::Changed, Some(&busy))
    );
}

#[test]
fn p28b_an_exec_without_an_answer_is_asked_again_and_never_forgotten() {
    let mut groups = groups(6);
    let mut group = next(&mut groups);
    let rest = group.cut(4).expect("two more");
    groups.back(rest);
    groups.came(group, Came::Lost { may_have_run: true });
    let mut group = next(&mut groups);
    // One was removed by the lost EXEC; the others are saved anew, and the connection is lost before their EXEC.
    let looked = group.looked(&[Seen::Gone, here(1), here(1), here(1)], SAVING);
    groups.settle(looked.settled);
    let lost = Came::Lost {
        may_have_run: false,
    };
    groups.came(group, lost);
    groups.give_up(&why(ErrorKind::Disconnected));
    let settled = groups.take_settled();
    let (keys, tally) = total(&settled);
    assert_eq!((keys, tally.already_gone, tally.unknown), (4, 1, 3));
    let lost: Vec<&Key> = settled.iter().flat_map(|settled| &settled.lost).collect();
    assert_eq!(lost.len(), 3, "whoever resumes asks for them");
    assert!(
        !groups.has_waiting(),
        "the two that never went are forgotten"
    );
}

#[test]
fn p28_keys_of_another_node_have_no_outcome_here() {
    let mut groups = Groups::new(8);
    groups.push_again(batch(7, 3));
    let group = next(&mut groups);
    groups.came(group, Came::Elsewhere);
    let settled = groups.take_settled();
    assert_eq!(settled[0].keys, 3);
    assert_eq!(settled[0].tally, Tally::default());
    assert_eq!(settled[0].elsewhere, [Slot::of(b"7")]);
    assert_eq!(settled[0].lost.len(), 3, "an EXEC may have removed them");
}

#[test]
fn p28_what_is_at_fault_is_found_by_halves_and_what_may_pass_waits() {
    let mut groups = groups(4);
    let bad = Key::new("{1}:2");
    let mut laters = 0;
    while let Some(group) = groups.next(usize::MAX) {
        let size = group.keys().len() as u64;
        let came = match (group.keys().contains(&bad), size) {
            (false, _) if laters < 3 => {
                laters += 1;
                Came::Later
            }
            (false, _) => Came::Removed(size),
            (true, 2) => Came::Torn,
            (true, _) => Came::Keys(why(ErrorKind::Permission)),
        };
        groups.came(group, came);
    }
    let (keys, tally) = total(&groups.take_settled());
    assert_eq!((keys, tally.deleted, tally.failed), (4, 3, 1));
    assert!(!groups.is_hopeless());
}

#[test]
fn p29_the_scripts_word_is_taken_key_by_key() {
    let mut groups = groups(4);
    let group = next(&mut groups);
    let fates = vec![Fate::Deleted, Fate::Refused, Fate::Gone, Fate::Deleted];
    groups.came(group, Came::Checked(fates));
    let settled = groups.take_settled();
    let (keys, tally) = total(&settled);
    assert_eq!(
        (keys, tally.deleted, tally.already_gone, tally.skipped),
        (4, 2, 1, 1)
    );
}

#[test]
fn values_of_a_group_are_held_up_to_a_bound_and_a_larger_one_alone() {
    for (sizes, most, kept) in [
        (vec![4, 4, 4], 8, 2),
        (vec![9, 1], 8, 1),
        (vec![u64::MAX, u64::MAX], 8, 1),
        (vec![1, 1], 8, 2),
    ] {
        let mut groups = groups(sizes.len());
        let mut group = next(&mut groups);
        let unlimited = Rules {
            max_value_bytes: None,
            ..SAVING
        };
        let seen: Vec<Seen> = sizes.iter().map(|bytes| here(*bytes)).collect();
        let mut found = group.looked(&seen, unlimited).found;
        let rest = group.cut_to_bytes(&mut found, most);
        assert_eq!((group.keys().len(), found.len()), (kept, kept), "{sizes:?}");
        let rest = rest.map_or(0, |rest| rest.keys().len());
        assert_eq!(kept + rest, sizes.len());
    }
}

#[test]
fn values_that_turn_out_too_large_leave_their_group() {
    let mut groups = groups(4);
    let mut group = next(&mut groups);
    let settled = group.without_large(&[1, 3], 9);
    let skipped: u64 = settled.iter().map(|one| one.tally.skipped).sum();
    assert_eq!((settled.len(), skipped), (2, 2), "each by its name");
    assert_eq!(group.keys(), [Key::new("{1}:0"), Key::new("{1}:2")]);
    assert!(group.without_large(&[], 9).is_empty());
}
