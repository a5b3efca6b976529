//! What each function of a file gives to those who call it, where its name alone doesn't tell: classes of one file that
//! have methods of one name.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{Call, Expr, FunctionId};
use crate::language::Language;

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

impl Found<'_> {
    /// What the function gives that a call means by its class; `None` where its name has to do.
    pub(super) fn gives_by_class(&self, call: &Call) -> Option<&Gives> {
        let several = self.origins.functions_named(&call.name).len() > 1;
        if !several || call.receiver.is_none() && !has_implicit_self(self.facts.language) {
            return None;
        }
        let id = self.meant_by_class(call)?;
        // Its own listing may go ways that aren't seen.
        if self.lists_inside(id) {
            return None;
        }
        let own = self.gives.get(&id);
        // A method that says nothing stands for those of the classes below.
        own.or_else(|| self.says_something(id).then_some(&NOTHING))
    }

    fn lists_inside(&self, id: FunctionId) -> bool {
        let span = self.facts.functions[id.0].span;
        self.commands.all.iter().any(|own| {
            let at = self.facts.calls[own.call.0].at;
            own.verb.lists_keys() && span.start <= at.start && at.end <= span.end
        })
    }

    fn says_something(&self, id: FunctionId) -> bool {
        let own = &self.facts.functions[id.0];
        let text = self.text.get(own.span.start..own.span.end);
        text.is_some_and(|text| text.contains("return") || text.contains("yield"))
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
