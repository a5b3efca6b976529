//! A page in the asking: what is known of each key so far, which are still asked about, and what goes into one command
//! burst. Pure: sends and waits for nothing.

use super::drive::Looked;
use super::wire::{self, Heard, Manner, Question};
use crate::error::{Error, Result};
use crate::key::{Facts, Key, Slot};
use crate::limits;
use crate::port::{Connection, Reply};

/// A question about the key at this place.
pub(super) type Put = (usize, Question);

/// One key on its way through the stages.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    pub(super) facts: Facts,
    /// Gone, elsewhere, or refused.
    pub(super) is_out: bool,
    /// Its size is as good as it gets.
    pub(super) is_measured: bool,
    /// Elements, where they were counted.
    pub(super) elements: Option<u64>,
}

/// A page in the asking.
pub(super) struct Asking<'a> {
    pub(super) keys: &'a [Key],
    pub(super) candidates: Vec<Candidate>,
    elsewhere: Vec<Slot>,
    /// MEMORY USAGE is not known there.
    pub(super) lacks_measure: bool,
}

impl<'a> Asking<'a> {
    pub(super) fn of(keys: &'a [Key]) -> Self {
        Self {
            keys,
            candidates: keys.iter().map(|_| Candidate::default()).collect(),
            elsewhere: Vec::new(),
            lacks_measure: false,
        }
    }

    /// Places of keys that are still asked about.
    pub(super) fn open(&self) -> Vec<usize> {
        let candidates = self.candidates.iter().enumerate();
        candidates
            .filter_map(|(place, candidate)| (!candidate.is_out).then_some(place))
            .collect()
    }

    /// Nothing more is asked about keys that fail.
    pub(super) fn leave_out(&mut self, fails: impl Fn(&Facts) -> bool) {
        for candidate in &mut self.candidates {
            candidate.is_out = candidate.is_out || fails(&candidate.facts);
        }
    }

    /// As many of these as so many units allow, and one at least; with the units that they are. Looking at a collection
    /// whole costs as much as sampling so many of them.
    pub(super) fn cut<'b>(&self, puts: &'b [Put], units: u32) -> (&'b [Put], u32) {
        let weight = |(place, question): &Put| match question {
            Question::Size(0) => {
                let elements = self.candidates[*place].elements.unwrap_or(1);
                let sampled = elements.div_ceil(u64::from(limits::SIZE_SAMPLES)).max(1);
                u32::try_from(sampled).unwrap_or(u32::MAX)
            }
            _ => 1,
        };
        let (mut taken, mut sum) = (0, 0_u32);
        for put in puts.iter().take(limits::MAX_QUESTIONS_IN_FLIGHT) {
            let next = sum.saturating_add(weight(put));
            if taken > 0 && next > units {
                break;
            }
            (taken, sum) = (taken + 1, next);
        }
        (&puts[..taken], sum)
    }

    /// Enters an answer. Gives the error where the question has to be put again.
    ///
    /// # Errors
    /// What makes asking further useless.
    pub(super) fn hear(
        &mut self,
        connection: &Connection,
        (place, question): Put,
        reply: Reply,
        manner: Manner,
    ) -> Result<Option<Error>> {
        let candidate = &mut self.candidates[place];
        match wire::hear(connection, question, reply, manner, &mut candidate.facts)? {
            Heard::Told => {}
            Heard::Elements(elements) => candidate.elements = Some(elements),
            // A replica may be behind.
            Heard::Gone => candidate.is_out |= !manner.is_replica,
            Heard::Elsewhere => {
                // Of several questions about the key each says so.
                if !std::mem::replace(&mut candidate.is_out, true) {
                    self.elsewhere.push(Slot::of(self.keys[place].as_bytes()));
                }
            }
            Heard::NoMeasure => self.lacks_measure = true,
            Heard::Later(error) => return Ok(Some(error)),
        }
        Ok(None)
    }

    pub(super) fn looked(self) -> Looked {
        let known = |candidate: Candidate| (!candidate.is_out).then_some(candidate.facts);
        let mut elsewhere = self.elsewhere;
        elsewhere.dedup();
        Looked {
            facts: self.candidates.into_iter().map(known).collect(),
            elsewhere,
        }
    }
}
