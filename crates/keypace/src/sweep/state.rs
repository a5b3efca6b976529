//! The ledger: which pages' keys are settled, and so behind which Mark nothing is open. Holds no await, clock or
//! randomness.

use std::collections::VecDeque;

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
    id: u64,
    pattern: usize,
    left: u64,
    parts: Vec<(u64, u64)>,
}

/// What is open. Bounded by the keys of the batches that are filled or in flight, however long the walk is.
#[derive(Debug)]
pub(super) struct Ledger {
    pages: VecDeque<OpenPage>,
    batches: VecDeque<OpenBatch>,
    next_page: u64,
    next_batch: u64,
    mark: Mark,
}

impl Ledger {
    /// Nothing is open behind this Mark.
    pub(super) fn new(mark: Mark) -> Self {
        Self {
            pages: VecDeque::new(),
            batches: VecDeque::new(),
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
        self.batches.push_back(OpenBatch {
            id,
            pattern,
            left,
            parts,
        });
        id
    }

    /// So many keys of a batch are settled. Gives the batch's pattern.
    pub(super) fn settle(&mut self, batch: u64, keys: u64) -> Option<usize> {
        let place = self.batches.iter().position(|open| open.id == batch)?;
        let open = &mut self.batches[place];
        let pattern = open.pattern;
        debug_assert!(open.left >= keys, "no key is settled twice");
        open.left = open.left.saturating_sub(keys);
        if open.left == 0
            && let Some(done) = self.batches.remove(place)
        {
            for (page, keys) in done.parts {
                if let Some(page) = self.pages.iter_mut().find(|open| open.number == page) {
                    page.open_keys = page.open_keys.saturating_sub(keys);
                }
            }
            self.close_pages();
        }
        Some(pattern)
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
    use super::Ledger;
    use crate::scan::Mark;
    use bytes::Bytes;

    fn mark(cursor: &'static str) -> Option<Mark> {
        Some(Mark {
            run_id: None,
            cursor: Bytes::from_static(cursor.as_bytes()),
            is_end: false,
        })
    }

    fn cursor(ledger: &Ledger) -> String {
        String::from_utf8_lossy(&ledger.mark().cursor).into_owned()
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
}
