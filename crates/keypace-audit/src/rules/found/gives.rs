//! What each function of a file gives to those who call it, where its name alone doesn't tell: classes of one file that
//! have methods of one name.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{Call, Expr, Facts, FunctionId, Span};
use crate::language::Language;
use crate::receiver::Commands;

/// What a function gives.
#[derive(Debug, Default)]
pub(super) struct Gives {
    /// All that was found.
    pub whole: Option<Trace>,
    /// What a scan finds, while it goes on.
    pub lazily: Option<usize>,
    /// What one step of a scan found.
    pub step: Option<usize>,
}

const NOTHING: Gives = Gives {
    whole: None,
    lazily: None,
    step: None,
};

/// Where a file lists keys, and where its functions say what they give: asked for each call, so found once.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// In order, as the next.
    listings: Vec<usize>,
    sayings: Vec<usize>,
}

impl Marks {
    pub(super) fn of(facts: &Facts, commands: &Commands, text: &str) -> Self {
        let listing = commands.all.iter().filter(|own| own.verb.lists_keys());
        let mut listings: Vec<usize> = listing
            .map(|own| facts.calls[own.call.0].at.start)
            .collect();
        let said = |word| text.match_indices(word).map(|(at, _)| at);
        let mut sayings: Vec<usize> = said("return").chain(said("yield")).collect();
        listings.sort_unstable();
        sayings.sort_unstable();
        Self { listings, sayings }
    }
}

/// Whether one of several places, in order, is inside a span.
fn is_within(places: &[usize], span: Span) -> bool {
    let first = places.partition_point(|at| *at < span.start);
    places.get(first).is_some_and(|at| *at < span.end)
}

impl Found<'_> {
    /// What the function gives that a call means by its class; `None` where its name has to do.
    pub(super) fn gives_by_class(&self, call: &Call) -> Option<&Gives> {
        let several = self.origins.functions_named(&call.name).len() > 1;
        if !several || call.receiver.is_none() && !has_implicit_self(self.facts.language) {
            return None;
        }
        let id = self.meant_by_class(call)?;
        let span = self.facts.functions[id.0].span;
        // Its own listing may go ways that aren't seen.
        if is_within(&self.marks.listings, span) {
            return None;
        }
        let own = self.gives.get(&id);
        // A method that says nothing stands for those of the classes below.
        own.or_else(|| is_within(&self.marks.sayings, span).then_some(&NOTHING))
    }

    /// `for key in self`: what the class's own iteration gives.
    pub(super) fn of_itself(&self, expr: &Expr, function: Option<FunctionId>) -> Option<Trace> {
        const EACH: &[&str] = &[
            "__iter__",
            "__aiter__",
            "getIterator",
            "GetEnumerator",
            "GetAsyncEnumerator",
            "iterator",
        ];
        if !matches!(expr, Expr::Path(path) if matches!(path.as_slice(), [one] if one == "self")) {
            return None;
        }
        let class = self.facts.functions.get(function?.0)?.class?;
        let mut named = EACH
            .iter()
            .flat_map(|name| self.origins.functions_named(name));
        let own = named.find(|id| self.facts.functions[id.0].class == Some(class))?;
        let own = self.gives.get(own)?;
        let lazily = own.lazily.map(|source| Trace {
            amount: Amount::All,
            source,
        });
        lazily.or(own.whole)
    }
}

fn has_implicit_self(language: Language) -> bool {
    matches!(
        language,
        Language::Java | Language::Kotlin | Language::CSharp | Language::Ruby
    )
}
