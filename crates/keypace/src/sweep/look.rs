//! A shard's look at a page's keys before anything becomes of them: what the filters and the caller want to know of them
//! is asked, and keys that fail are left out. Counts nothing.

use super::stats::Sizer;
use std::time::Duration;

use crate::error::Result;
use crate::key::Slot;
use crate::scan::Page;
use crate::select::{Looked, Selector};

/// The look of one shard.
pub(super) struct Look {
    selector: Selector,
    /// Measures some of the keys that passed.
    sizer: Option<Sizer>,
    /// The page being looked at, until all of its keys have an answer.
    page: Option<Page>,
}

impl Look {
    pub(super) fn new(selector: Selector) -> Self {
        Self {
            selector,
            sizer: None,
            page: None,
        }
    }

    /// Measures some of the keys that pass, as statistics have it.
    pub(super) fn with_sizer(mut self, sizer: Option<Sizer>) -> Self {
        self.sizer = sizer;
        self
    }

    /// Whether a page is still to be looked at.
    pub(super) fn is_open(&self) -> bool {
        self.page.is_some()
    }

    /// Time spent waiting to try again.
    pub(super) fn waited(&self) -> Duration {
        self.selector.waited()
    }

    /// Takes a page; `finish` looks at it.
    pub(super) fn begin(&mut self, page: Page) {
        self.page = Some(page);
    }

    /// The page with the keys that passed and what was learnt of them, and the slots of keys that are on another node by
    /// now. Cancel-safe: a dropped look is begun again.
    pub(super) async fn finish(&mut self) -> Result<Option<(Page, Vec<Slot>)>> {
        let Some(page) = &self.page else {
            return Ok(None);
        };
        let mut looked = if page.keys().is_empty() {
            Looked::default()
        } else {
            self.selector.look(page.keys()).await?
        };
        if let Some(sizer) = &mut self.sizer {
            sizer.measure(page.keys(), &mut looked).await?;
        }
        let Looked { facts, elsewhere } = looked;
        Ok(self.page.take().map(|mut page| {
            page.describe(facts);
            (page, elsewhere)
        }))
    }
}
