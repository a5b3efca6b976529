//! The pure part of reading an index: which rank to ask for next, and which members are new, while others change it.
//! Holds no await, clock or randomness.
//!
//! Pages are asked for by rank, because that costs the same anywhere in the index, and ranks move when a member comes
//! or goes. So each page but the first begins with the last member of the one before: where it does not, or nothing
//! shows that no member in between was missed, the page is asked for again further to the front.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::limits;

/// A member of the index: a key's name, and when it expires, in ms (infinite where it does not).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) expires_ms: f64,
    pub(super) name: Bytes,
}

impl Member {
    /// The index's own order.
    fn order(&self, other: &Self) -> Ordering {
        self.expires_ms
            .total_cmp(&other.expires_ms)
            .then_with(|| self.name.cmp(&other.name))
    }
}

/// What lies behind the reader.
#[derive(Debug)]
enum Behind {
    /// What expired before this time, in ms.
    Expired(f64),
    /// All up to this member.
    Upto(Member),
}

impl Behind {
    fn holds(&self, member: &Member) -> bool {
        match self {
            Self::Expired(now_ms) => member.expires_ms < *now_ms,
            Self::Upto(last) => member.order(last) != Ordering::Greater,
        }
    }
}

/// Where the reading of an index stands.
#[derive(Debug)]
pub(super) struct Reader {
    start: u64,
    behind: Behind,
    /// How far to go back where a page shows nothing.
    back: u64,
    has_ended: bool,
}

impl Reader {
    /// Over all members, dead ones too.
    pub(super) fn whole() -> Self {
        Self::live(f64::NEG_INFINITY, 0)
    }

    /// Over members that expire at `now_ms` or later, where so many were dead a moment ago.
    pub(super) fn live(now_ms: f64, dead: u64) -> Self {
        Self {
            start: dead.saturating_sub(1),
            behind: Behind::Expired(now_ms),
            back: limits::KV_INDEX_PAGE_MEMBERS,
            has_ended: false,
        }
    }

    /// The first and the last rank to ask for; `None` at the end.
    pub(super) fn next(&self) -> Option<(u64, u64)> {
        let last = self.start + limits::KV_INDEX_PAGE_MEMBERS - 1;
        (!self.has_ended).then_some((self.start, last))
    }

    /// Takes the page that was asked for; gives the members that have not been given before.
    pub(super) fn take(&mut self, mut page: Vec<Member>) -> Vec<Member> {
        let begins_behind = page.first().is_some_and(|first| self.behind.holds(first));
        if self.start > 0 && !begins_behind {
            self.start = self.start.saturating_sub(self.back);
            self.back = self.back.saturating_mul(2);
            return Vec::new();
        }
        self.back = limits::KV_INDEX_PAGE_MEMBERS;
        let length = page.len() as u64;
        self.has_ended = length < limits::KV_INDEX_PAGE_MEMBERS;
        self.start += length.saturating_sub(1);
        page.retain(|member| !self.behind.holds(member));
        if let Some(last) = page.last() {
            self.behind = Behind::Upto(last.clone());
        }
        page
    }

    /// So many of the members given last were removed by us: the others moved to the front.
    pub(super) fn removed(&mut self, members: u64) {
        // One more, since the member that the next page should begin with may be among them.
        self.start = self.start.saturating_sub(members + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, Reader};
    use crate::limits;
    use bytes::Bytes;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use std::collections::BTreeSet;

    const PAGE: u64 = limits::KV_INDEX_PAGE_MEMBERS;

    /// Members in the index's order: two hundred with one score, to have ties, then one score each.
    fn index(members: u64) -> Vec<Member> {
        let member = |n: u64| Member {
            expires_ms: n.max(200) as f64,
            name: Bytes::from(format!("{n:09}")),
        };
        (0..members).map(member).collect()
    }

    fn page(index: &[Member], (first, last): (u64, u64)) -> Vec<Member> {
        let at = |rank: u64| usize::try_from(rank).expect("small").min(index.len());
        index[at(first)..at(last + 1)].to_vec()
    }

    #[test]
    fn reads_all_of_an_index_that_stands_still() {
        for members in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE - 2, 3 * PAGE] {
            let index = index(members);
            let mut reader = Reader::whole();
            let mut read = Vec::new();
            while let Some(range) = reader.next() {
                read.extend(reader.take(page(&index, range)));
            }
            assert_eq!(read, index, "{members}");
        }
    }

    #[test]
    fn begins_behind_what_has_expired() {
        let index = index(3 * PAGE);
        let now_ms = (PAGE + 500) as f64;
        // What was said to be dead may be there no more, or more of it may be.
        for dead in [0, 1, PAGE, PAGE + 500, 2 * PAGE, 5 * PAGE] {
            let mut reader = Reader::live(now_ms, dead);
            let mut read = Vec::new();
            while let Some(range) = reader.next() {
                read.extend(reader.take(page(&index, range)));
            }
            let live: Vec<_> = index
                .iter()
                .filter(|m| m.expires_ms >= now_ms)
                .cloned()
                .collect();
            assert_eq!(read, live, "{dead}");
        }
    }

    proptest! {
        /// Between two pages others remove and add members, and we remove some of those that we were given.
        #[test]
        fn misses_none_that_stays(
            changes in prop::collection::vec((any::<bool>(), 0u64..4000, 1u64..900), 0..12),
            own in any::<bool>(),
        ) {
            let mut now: BTreeSet<u64> = (0..3500).filter(|n| n % 3 != 0).collect();
            let mut stayed = now.clone();
            let all = index(4000);
            let mut changes = changes.into_iter();
            let mut reader = Reader::whole();
            let mut read = Vec::new();
            let mut pages = 0;
            while let Some(range) = reader.next() {
                let (first, last) = (range.0 as usize, range.1 as usize);
                let ranks = now.iter().skip(first).take(last + 1 - first);
                let fresh = reader.take(ranks.map(|n| all[*n as usize].clone()).collect());
                let number = |member: &Member| String::from_utf8_lossy(&member.name).parse::<u64>();
                let fresh: Vec<u64> = fresh.iter().map(|member| number(member).expect("a number")).collect();
                if own {
                    let even = |n: &&u64| n.is_multiple_of(2);
                    let gone = fresh.iter().filter(even).filter(|n| now.remove(n)).count();
                    reader.removed(gone as u64);
                }
                read.extend(fresh);
                if let Some((adds, from, number)) = changes.next() {
                    for n in from..(from + number).min(4000) {
                        if adds {
                            now.insert(n);
                        } else {
                            now.remove(&n);
                            stayed.remove(&n);
                        }
                    }
                }
                pages += 1;
                prop_assert!(pages < 100, "it ends");
            }
            let unique: BTreeSet<u64> = read.iter().copied().collect();
            prop_assert_eq!(unique.len(), read.len(), "none twice");
            prop_assert!(unique.is_superset(&stayed));
        }
    }
}
