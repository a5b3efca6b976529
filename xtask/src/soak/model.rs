//! What an owner's list must have, kept beside the library by the one writer of that owner. Pure.

use std::collections::BTreeMap;

/// What is known of a record. `None` is a record that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// This, and nothing else.
    Exactly(Option<u64>),
    /// The change had no answer, or one of a primary that was being replaced: it may hold or not.
    Either(Option<u64>, Option<u64>),
    /// It was written to go by itself: it may be there, and must not be once its time is over.
    Passing(u64),
}

/// One owner's records, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    known: BTreeMap<String, Known>,
    /// How often each name was given up: nothing more is written to a record that may be either.
    given_up: BTreeMap<u64, u64>,
}

impl Model {
    /// The id by which the record of this number goes now.
    pub(super) fn id(&self, number: u64) -> String {
        let times = self.given_up.get(&number).copied().unwrap_or(0);
        format!("id-{number}-{times}")
    }

    /// What it has for sure: none where no record is there.
    pub(super) fn content(&self, number: u64) -> Option<u64> {
        match self.known.get(&self.id(number)) {
            Some(Known::Exactly(content)) => *content,
            Some(Known::Either(..) | Known::Passing(_)) | None => None,
        }
    }

    /// It was changed to this, and the answer can be relied on.
    pub(super) fn set(&mut self, number: u64, content: Option<u64>) {
        self.known.insert(self.id(number), Known::Exactly(content));
    }

    /// It was to be changed to this, and may have been or not. From now on the number goes by another id.
    pub(super) fn doubt(&mut self, number: u64, content: Option<u64>) {
        let either = Known::Either(self.content(number), content);
        self.known.insert(self.id(number), either);
        *self.given_up.entry(number).or_default() += 1;
    }

    /// A record that goes by itself was written, or may have been.
    pub(super) fn set_passing(&mut self, id: String, content: u64) {
        self.known.insert(id, Known::Passing(content));
    }

    /// Holds a list against it; how many records were looked at, those that must be absent too, and the first that is wrong.
    /// `is_over` says that the time of all that pass is over.
    pub(super) fn compare(
        &self,
        listed: &BTreeMap<String, u64>,
        is_over: bool,
    ) -> (u64, Option<String>) {
        let stranger = listed.keys().find(|id| !self.known.contains_key(*id));
        let mut broken = stranger.map(|id| format!("{id:?} was never written"));
        for (id, known) in &self.known {
            let found = listed.get(id).copied();
            let is_right = match known {
                Known::Exactly(content) => found == *content,
                Known::Either(one, other) => found == *one || found == *other,
                Known::Passing(content) => found.is_none() || !is_over && found == Some(*content),
            };
            if !is_right && broken.is_none() {
                broken = Some(format!(
                    "{id:?} is {found:?} in the list, and must be {known:?}"
                ));
            }
        }
        (self.known.len() as u64, broken)
    }

    /// Records of which nothing is known for sure.
    pub(super) fn doubtful(&self) -> u64 {
        let known = self.known.values();
        known
            .filter(|known| matches!(known, Known::Either(..)))
            .count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Model;
    use std::collections::BTreeMap;

    fn listed(records: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let owned = |(id, content): &(&str, u64)| ((*id).to_owned(), *content);
        records.iter().map(owned).collect()
    }

    #[test]
    fn a_list_has_what_was_written_and_nothing_else() {
        let mut model = Model::default();
        model.set(1, Some(7));
        model.set(2, Some(8));
        model.set(2, None);
        let broken = |records| model.compare(&listed(records), true).1;
        assert_eq!(model.compare(&listed(&[("id-1-0", 7)]), true), (2, None));
        broken(&[]).expect("a record is missing");
        broken(&[("id-1-0", 6)]).expect("it has an older content");
        broken(&[("id-1-0", 7), ("id-2-0", 8)]).expect("a deleted one is back");
        broken(&[("id-1-0", 7), ("id-3-0", 1)]).expect("nobody wrote it");
    }

    #[test]
    fn what_is_in_doubt_is_one_of_two_and_is_written_no_more() {
        let mut model = Model::default();
        model.set(1, Some(7));
        model.doubt(1, Some(8));
        assert_eq!((model.id(1), model.content(1)), ("id-1-1".to_owned(), None));
        for content in [7, 8] {
            assert_eq!(model.compare(&listed(&[("id-1-0", content)]), true).1, None);
        }
        let gone = model.compare(&listed(&[]), true).1;
        gone.expect("it is neither");
        assert_eq!(model.doubtful(), 1);
    }

    #[test]
    fn what_passes_is_gone_when_its_time_is_over() {
        let mut model = Model::default();
        model.set_passing("t-1".to_owned(), 5);
        assert_eq!(model.compare(&listed(&[("t-1", 5)]), false).1, None);
        assert_eq!(model.compare(&listed(&[]), false).1, None);
        let stays = model.compare(&listed(&[("t-1", 5)]), true).1;
        stays.expect("it stays");
    }
}
