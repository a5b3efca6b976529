//! The ledger: which pages' keys are settled, and so behind which Mark nothing is open. Holds no await, clock or
//! randomness.

use std::collections::{BTreeMap, VecDeque};

use crate::scan::Mark;

/// A page with keys whose outcome is open, or that stands behind such a page.
#[derive(Debug)]
struct OpenPage {
    number: u64,
    open_keys: u64,
    mark: Option<Mark>,
}

/// A batch, and from which pages its keys come.
#[derive(Debug)]
struct OpenBatch {
    pattern: usize,
    left: u64,
    parts: Vec<(u64, u64)>,
}

/// What is open. Bounded by the keys of the batches that are filled or in flight, however long the walk is.
#[derive(Debug)]
pub(super) struct Ledger {
    pages: VecDeque<OpenPage>,
    /// By number: in a cluster thousands are open, one a slot, and they end in any order.
    batches: BTreeMap<u64, OpenBatch>,
    next_page: u64,
    next_batch: u64,
    mark: Mark,
}

impl Ledger {
    /// Nothing is open behind this Mark.
    pub(super) fn new(mark: Mark) -> Self {
        Self {
            pages: VecDeque::new(),
            batches: BTreeMap::new(),
            next_page: 0,
            next_batch: 0,
            mark,
        }
    }

    /// A page with so many keys that are still to be settled. Gives its number.
    pub(super) fn open_page(&mut self, mark: Option<Mark>, open_keys: u64) -> u64 {
        let number = self.next_page;
        self.next_page += 1;
        match self.pages.back_mut() {
            // Nothing of this page is open: it is settled when the one before is.
            Some(last) if open_keys == 0 => last.mark = mark.or_else(|| last.mark.take()),
            _ => self.pages.push_back(OpenPage {
                number,
                open_keys,
                mark,
            }),
        }
        self.close_pages();
        number
    }

    /// A batch goes on its way, with so many keys of each page. Gives its number.
    pub(super) fn open_batch(&mut self, pattern: usize, parts: Vec<(u64, u64)>) -> u64 {
        let id = self.next_batch;
        self.next_batch += 1;
        let left = parts.iter().map(|(_, keys)| keys).sum();
        let open = OpenBatch {
            pattern,
            left,
            parts,
        };
        self.batches.insert(id, open);
        id
    }

    /// So many keys of a batch are settled. Gives the batch's pattern.
    pub(super) fn settle(&mut self, batch: u64, keys: u64) -> Option<usize> {
        let open = self.batches.get_mut(&batch)?;
        let pattern = open.pattern;
        debug_assert!(open.left >= keys, "no key is settled twice");
        open.left = open.left.saturating_sub(keys);
        if open.left == 0
            && let Some(done) = self.batches.remove(&batch)
        {
            for (page, keys) in done.parts {
                if let Ok(place) = self.pages.binary_search_by_key(&page, |open| open.number) {
                    let page = &mut self.pages[place];
                    page.open_keys = page.open_keys.saturating_sub(keys);
                }
            }
            self.close_pages();
        }
        Some(pattern)
    }

    /// Which pattern the keys of an open batch are of.
    pub(super) fn pattern_of(&self, batch: u64) -> Option<usize> {
        self.batches.get(&batch).map(|open| open.pattern)
    }

    /// The walk began again: no Mark of the old one is of use.
    pub(super) fn restart(&mut self) {
        // Their keys are found again: nothing of the new walk has to wait for them.
        self.pages.clear();
        self.mark = Mark::start();
    }

    /// Everything before this is settled.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    fn close_pages(&mut self) {
        while self.pages.front().is_some_and(|page| page.open_keys == 0) {
            if let Some(mark) = self.pages.pop_front().and_then(|page| page.mark) {
                self.mark = mark;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batcher::{Batcher, Cut};
    use super::Ledger;
    use crate::key::Key;
    use crate::scan::Mark;
    use bytes::Bytes;
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};
    use std::collections::BTreeMap;

    const PATTERNS: usize = 3;

    fn mark(cursor: impl Into<Bytes>) -> Option<Mark> {
        Some(Mark::at(cursor))
    }

    fn cursor(ledger: &Ledger) -> String {
        String::from_utf8_lossy(ledger.mark().cursor()).into_owned()
    }

    #[test]
    fn a_mark_is_saved_when_all_its_keys_are_settled() {
        let mut ledger = Ledger::new(Mark::start());
        let a = ledger.open_page(mark("1"), 3);
        let b = ledger.open_page(mark("2"), 2);
        let first = ledger.open_batch(0, vec![(a, 2)]);
        let second = ledger.open_batch(1, vec![(a, 1), (b, 2)]);
        assert_eq!(ledger.settle(second, 3), Some(1));
        assert_eq!(cursor(&ledger), "0", "a key of the first page is open");
        ledger.settle(first, 1);
        assert_eq!(cursor(&ledger), "0", "half a batch settles nothing");
        ledger.settle(first, 1);
        assert_eq!(cursor(&ledger), "2");
        assert!(ledger.pages.is_empty() && ledger.batches.is_empty());
        assert_eq!(ledger.settle(first, 1), None);
    }

    #[test]
    fn p07_a_desert_costs_no_memory() {
        let mut ledger = Ledger::new(Mark::start());
        let page = ledger.open_page(mark("1"), 1);
        for _ in 0..100_000 {
            ledger.open_page(mark("9"), 0);
        }
        assert_eq!(ledger.pages.len(), 1);
        let batch = ledger.open_batch(0, vec![(page, 1)]);
        ledger.settle(batch, 1);
        assert_eq!(cursor(&ledger), "9");
    }

    #[test]
    fn empty_pages_are_settled_at_once() {
        let mut ledger = Ledger::new(Mark::start());
        ledger.open_page(mark("4"), 0);
        assert_eq!(cursor(&ledger), "4");
    }

    #[test]
    fn p01_marks_of_another_process_are_forgotten() {
        let mut ledger = Ledger::new(Mark::start());
        let page = ledger.open_page(mark("7"), 1);
        let batch = ledger.open_batch(0, vec![(page, 1)]);
        ledger.restart();
        ledger.settle(batch, 1);
        assert_eq!(cursor(&ledger), "0");
    }

    /// What may happen to a delete between two looks at its Mark.
    #[derive(Debug, Clone)]
    enum Event {
        /// A page with a key for each pattern named.
        Page(Vec<usize>),
        /// A batch that is not full goes on its way.
        CutAll,
        /// Some keys of some batch come to an end, in whatever order.
        Settle(usize, usize),
        /// Another process answers: what is in flight is settled, and the walk begins again.
        Restart,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            8 => prop::collection::vec(0..PATTERNS, 0..12).prop_map(Event::Page),
            1 => Just(Event::CutAll),
            8 => (any::<usize>(), 1..9_usize).prop_map(|(batch, keys)| Event::Settle(batch, keys)),
            1 => Just(Event::Restart),
        ];
        prop::collection::vec(event, 0..80)
    }

    /// A ledger and a batcher as a sweep drives them, and beside them the truth: which key of which page is open.
    struct Books {
        ledger: Ledger,
        batcher: Batcher,
        /// Batches on their way, with the page of each key that has not ended.
        flying: Vec<(u64, Vec<u64>)>,
        /// Keys without an outcome, by page.
        open: BTreeMap<u64, u64>,
        walked: u64,
        /// Pages before this are of a process that is gone.
        began: u64,
    }

    impl Books {
        fn new(batch: usize, by_slot: bool) -> Self {
            Self {
                ledger: Ledger::new(Mark::start()),
                batcher: Batcher::new(PATTERNS, batch, by_slot),
                flying: Vec::new(),
                open: BTreeMap::new(),
                walked: 0,
                began: 0,
            }
        }

        fn page(&mut self, patterns: &[usize]) {
            let keys = patterns.len() as u64;
            // The Mark behind the page with the number n says n + 1, and that of the start 0.
            let number = self
                .ledger
                .open_page(mark((self.walked + 1).to_string()), keys);
            self.walked += 1;
            self.open.insert(number, keys);
            for pattern in patterns {
                // A key's name is its page, so that the truth does not come from the batcher's own parts.
                if let Some(cut) = self
                    .batcher
                    .push(Key::new(number.to_string()), *pattern, number)
                {
                    self.fly(cut);
                }
            }
            for cut in self.batcher.end_page(number) {
                self.fly(cut);
            }
        }

        fn fly(&mut self, cut: Cut) {
            let page = |key: &Key| key.escaped().to_string().parse().expect("a page");
            let pages = cut.keys.iter().map(page).collect();
            self.flying
                .push((self.ledger.open_batch(cut.pattern, cut.parts), pages));
        }

        fn cut_all(&mut self) {
            for cut in self.batcher.cut_all() {
                self.fly(cut);
            }
        }

        fn settle(&mut self, place: usize, keys: usize) {
            let (id, pages) = &mut self.flying[place];
            let ended = pages.split_off(pages.len().saturating_sub(keys));
            self.ledger
                .settle(*id, ended.len() as u64)
                .expect("a batch that is known");
            for page in ended {
                *self.open.get_mut(&page).expect("a page that is known") -= 1;
            }
            self.flying.retain(|(_, pages)| !pages.is_empty());
        }

        fn settle_all(&mut self) {
            while !self.flying.is_empty() {
                self.settle(0, usize::MAX);
            }
        }

        fn restart(&mut self) {
            self.settle_all();
            self.batcher.forget();
            self.ledger.restart();
            self.open.clear();
            self.began = self.walked;
        }

        fn happen(&mut self, event: &Event) {
            match event {
                Event::Page(patterns) => self.page(patterns),
                Event::CutAll => self.cut_all(),
                Event::Settle(_, _) if self.flying.is_empty() => {}
                Event::Settle(batch, keys) => self.settle(batch % self.flying.len(), *keys),
                Event::Restart => self.restart(),
            }
        }

        /// Pages that the Mark says are settled.
        fn passed(&self) -> u64 {
            cursor(&self.ledger).parse().expect("a number")
        }

        fn first_open(&self) -> Option<u64> {
            let mut open = self.open.iter().filter(|(_, keys)| **keys > 0);
            open.next().map(|(page, _)| *page)
        }
    }

    proptest! {
        /// p02, p28b: whatever a run is killed after, nothing that is behind its Mark is without an outcome.
        #[test]
        fn p28b_a_mark_never_passes_a_key_that_is_not_settled(
            batch in 1..9_usize,
            by_slot in any::<bool>(),
            events in events(),
            unknown in prop::collection::vec(any::<bool>(), 8),
        ) {
            let mut books = Books::new(batch, by_slot);
            for event in &events {
                books.happen(event);
                let passed = books.passed();
                prop_assert!(books.first_open().is_none_or(|open| open >= passed), "{event:?}: {passed}");
                prop_assert!(passed == 0 || passed > books.began, "{event:?}: {passed} is of another process");
            }
            // The end: some batches have lost a key for good, and the others are settled.
            books.cut_all();
            let mut at = 0;
            for is_lost in unknown.iter().cycle() {
                let Some((_, pages)) = books.flying.get(at) else { break };
                let spared = usize::from(*is_lost);
                books.settle(at, pages.len() - spared);
                at += spared;
            }
            let passed = books.passed();
            match books.first_open() {
                Some(open) => prop_assert!(at > 0 && passed <= open, "{passed} is behind {open}"),
                None => {
                    prop_assert!(books.open.is_empty() || passed == books.walked, "{passed}");
                    prop_assert!(books.ledger.pages.is_empty() && books.ledger.batches.is_empty());
                }
            }
        }
    }
}
