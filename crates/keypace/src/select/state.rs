//! The guard: which facts let a key pass. The same conditions are looked at before acting and repeated in one step with
//! the act, here and in the script. Pure.

use super::filters::Filters;
use super::questions::Questions;
use crate::key::{Facts, Size, Ttl, TypeName};
use crate::limits;

/// The conditions of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Guard {
    filters: Filters,
    /// Any of these; empty means all.
    types: Vec<String>,
}

/// What the facts mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All conditions are met.
    Passes,
    /// One is not, or can't be told.
    Fails,
    /// The size is a sample's, and too near a threshold: it is to be measured whole, where that is cheap.
    Measure,
}

impl Guard {
    /// Of these filters, and of any of these types.
    pub(crate) fn new(filters: &Filters, types: &[String]) -> Self {
        Self {
            filters: filters.clone(),
            types: types.to_vec(),
        }
    }

    /// What has to be asked about each key.
    pub(crate) fn questions(&self) -> Questions {
        Questions {
            kind: !self.types.is_empty(),
            ttl: self.filters.asks_ttl(),
            idle: self.asks_idle(),
            size: self.asks_size(),
        }
    }

    /// Whether every key passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.questions().is_empty()
    }

    /// Whether sizes decide.
    pub(crate) fn asks_size(&self) -> bool {
        self.filters.asks_size()
    }

    /// Whether idle times decide.
    pub(crate) fn asks_idle(&self) -> bool {
        self.filters.idle_over_s.is_some()
    }

    /// Whether idle times are taken as the server gives them.
    pub(crate) fn trusts_idle(&self) -> bool {
        self.filters.trust_idle
    }

    /// Nested values that MEMORY USAGE looks at.
    pub(crate) fn samples(&self) -> u32 {
        self.filters.samples()
    }

    /// What the facts mean. What a condition needs and was not learnt fails it.
    pub(crate) fn judge(&self, facts: &Facts) -> Verdict {
        let [kind, ttl, idle, size] = self.conditions(facts);
        if [kind, ttl, idle].contains(&Some(false)) || [kind, ttl, idle].contains(&None) {
            return Verdict::Fails;
        }
        match size {
            Some(_) if self.is_near(facts) => Verdict::Measure,
            Some(true) => Verdict::Passes,
            Some(false) | None => Verdict::Fails,
        }
    }

    /// The same where the size is as good as it gets.
    pub(crate) fn judge_measured(&self, facts: &Facts) -> Verdict {
        if self.conditions(facts) == [Some(true); 4] {
            Verdict::Passes
        } else {
            Verdict::Fails
        }
    }

    /// Whether the key can't pass any more whatever else is learnt of it. A size that is only near is not held against it.
    pub(crate) fn rules_out(&self, facts: &Facts) -> bool {
        let [kind, ttl, idle, size] = self.conditions(facts);
        let size = size.filter(|_| !self.is_near(facts));
        [kind, ttl, idle, size].contains(&Some(false))
    }

    /// Type, TTL, idle time, size: met or not, or not known.
    fn conditions(&self, facts: &Facts) -> [Option<bool>; 4] {
        let asked = self.questions();
        let met = |is_asked: bool, met: Option<bool>| if is_asked { met } else { Some(true) };
        [
            met(asked.kind, facts.kind.as_ref().map(|kind| self.takes(kind))),
            met(asked.ttl, facts.ttl.map(|ttl| self.takes_ttl(ttl))),
            met(
                asked.idle,
                (facts.idle).map(|idle| self.filters.idle_over_s <= Some(idle.as_secs())),
            ),
            met(asked.size, facts.size.map(|size| self.takes_size(size))),
        ]
    }

    fn takes(&self, kind: &TypeName) -> bool {
        let name = kind.as_str();
        self.types.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    fn takes_ttl(&self, ttl: Ttl) -> bool {
        let filters = &self.filters;
        let Ttl::Left(left) = ttl else {
            let wants_some =
                filters.has_ttl || filters.ttl_under_ms.is_some() || filters.ttl_over_ms.is_some();
            return !wants_some;
        };
        let left_ms = left.as_millis();
        !filters.no_ttl
            && filters
                .ttl_under_ms
                .is_none_or(|under| left_ms < u128::from(under))
            && filters
                .ttl_over_ms
                .is_none_or(|over| left_ms > u128::from(over))
    }

    fn takes_size(&self, size: Size) -> bool {
        let filters = &self.filters;
        filters.size_over.is_none_or(|over| size.amount > over)
            && filters.size_under.is_none_or(|under| size.amount < under)
    }

    /// Whether a sample may have been on the wrong side of a threshold. A string is measured whole, and elements are
    /// counted.
    fn is_near(&self, facts: &Facts) -> bool {
        let Some(size) = facts.size.filter(|size| !size.is_elements) else {
            return false;
        };
        if facts.kind == Some(TypeName::String) {
            return false;
        }
        let thresholds = [self.filters.size_over, self.filters.size_under];
        thresholds.into_iter().flatten().any(|threshold| {
            let factor = limits::SIZE_NEAR_FACTOR;
            size.amount >= threshold / factor && size.amount <= threshold.saturating_mul(factor)
        })
    }

    /// The conditions as text for a script, in this order; empty where there is none:
    ///
    /// 1. least idle time in seconds
    /// 2. `has` or `no`: with a TTL, or without one
    /// 3. TTL over, in ms (`has` is said too)
    /// 4. TTL under, in ms (`has` is said too)
    /// 5. size over
    /// 6. size under
    /// 7. SAMPLES
    /// 8. how near is near: a sampled size from a threshold divided by this to one multiplied by it is measured anew ...
    /// 9. ... with SAMPLES 0, where it has so many elements at most; 0 where elements are not to be counted
    /// 10. and all behind it: types, lower case; none means all
    ///
    /// `may_count`: counting elements makes no key young, or idle times don't matter.
    pub(crate) fn script_args(&self, may_count: bool) -> Vec<String> {
        let filters = &self.filters;
        let number = |number: Option<u64>| number.map_or(String::new(), |n| n.to_string());
        let wants_some =
            filters.has_ttl || filters.ttl_under_ms.is_some() || filters.ttl_over_ms.is_some();
        let expiry = match (wants_some, filters.no_ttl) {
            (true, _) => "has",
            (false, true) => "no",
            (false, false) => "",
        };
        let most = if may_count {
            limits::WHOLE_SIZE_MAX_ELEMENTS
        } else {
            0
        };
        let mut args = vec![
            number(filters.idle_over_s),
            expiry.to_owned(),
            number(filters.ttl_over_ms),
            number(filters.ttl_under_ms),
            number(filters.size_over),
            number(filters.size_under),
            self.samples().to_string(),
            limits::SIZE_NEAR_FACTOR.to_string(),
            most.to_string(),
        ];
        args.extend(self.types.iter().map(|name| name.to_ascii_lowercase()));
        args
    }
}

#[cfg(test)]
mod tests;
