//! What is asked for again for each key found, by a name that the loop binds anew: `id = parse(key)`, and then
//! `get("user:" + id)`, wherever `id` comes from.
//! Must not judge, and must not follow keys.

use std::collections::{HashMap, HashSet};

use super::{Amount, Found, Trace};
use crate::facts::{Call, Expr, Facts, FunctionId, LoopId, LoopKind};
use crate::rules::flow_names::is_chunk;

/// The names that each loop's body gives to values.
#[derive(Debug, Default)]
pub(super) struct Bound(HashMap<LoopId, HashSet<String>>);

impl Bound {
    pub(super) fn of(facts: &Facts) -> Self {
        let mut names: HashMap<LoopId, HashSet<String>> = HashMap::new();
        for binding in &facts.bindings {
            for each in &binding.loops {
                let known = names.entry(*each).or_default();
                let own = binding
                    .targets
                    .iter()
                    .filter_map(|path| match path.as_slice() {
                        [name] => Some(name.clone()),
                        _ => None,
                    });
                known.extend(own.filter(|name| !name.is_empty() && name != "_"));
            }
        }
        Self(names)
    }
}

impl Found<'_> {
    /// The keys that the nearest loop over keys found goes over, where a piece of a call's code names what it binds.
    pub(crate) fn made_anew(&self, call: &Call, text: &str) -> Option<Trace> {
        let around = call.loops.iter().enumerate().rev();
        let (at, trace) = around
            .filter_map(|(at, each)| Some((at, self.gone_over(*each)?)))
            .next()?;
        let bound = self.bound.0.get(&call.loops[at]);
        let inner: Vec<&String> = call.loops[at + 1..]
            .iter()
            .flat_map(|each| match &self.facts.loops[each.0].kind {
                LoopKind::Each { names, .. } | LoopKind::Callback { names, .. } => names.as_slice(),
                LoopKind::While => &[],
            })
            .collect();
        let anew = |word: &str| {
            bound.is_some_and(|names| names.contains(word))
                || inner.iter().any(|name| *name == word)
        };
        names_in(text).any(anew).then_some(Trace {
            amount: Amount::One,
            ..trace
        })
    }

    /// `redis.pipelined do ... redis.get(key) ... end`: the client itself gathers what it is told in a block.
    pub(crate) fn is_gathered(&self, call: &Call) -> bool {
        let mut at = call.function;
        while let Some((id, own)) = at.and_then(|id| Some((id, self.facts.functions.get(id.0)?))) {
            let run = self.runs.get(&id).map(|run| &self.facts.calls[run.0]);
            let gathers = run.is_some_and(|run| {
                matches!(run.name.as_str(), "pipelined" | "multi") && run.receiver == call.receiver
            });
            if own.lambda && own.params.is_empty() && gathers {
                return true;
            }
            at = own.parent;
        }
        false
    }

    /// A block that is run for each key that a call's scan finds, by a function of the file or of a client.
    pub(crate) fn is_run_for_keys(&self, block: FunctionId) -> bool {
        let Some(run) = self.runs.get(&block) else {
            return false;
        };
        let source = self.places.get(run).map(|place| self.sources[*place].verb);
        let call = &self.facts.calls[run.0];
        let place = call.args.iter().position(|arg| *arg == Expr::Lambda(block));
        source.is_some_and(|verb| verb.iterates() && verb.lists_keys())
            || place.is_some_and(|place| self.hands_each(&call.name, place))
    }

    /// Whether a function of the file calls what it is given at a place for each key found.
    fn hands_each(&self, name: &str, place: usize) -> bool {
        let mut handed = self.handed.iter();
        handed
            .any(|((own, at, _), trace)| own == name && *at == place && trace.amount == Amount::One)
    }

    /// Keys found that a loop goes over one by one.
    fn gone_over(&self, each: LoopId) -> Option<Trace> {
        let own = &self.facts.loops[each.0];
        let (LoopKind::Each { iterable, .. } | LoopKind::Callback { iterable, .. }) = &own.kind
        else {
            return None;
        };
        let cut = match (iterable, &own.kind) {
            (Expr::Call(call), _) if is_chunk(&self.facts.calls[call.0].name) => true,
            (_, LoopKind::Callback { call, .. }) => is_chunk(&self.facts.calls[call.0].name),
            _ => false,
        };
        let trace = self.trace(iterable, own.function)?;
        (!cut && trace.amount != Amount::One).then_some(trace)
    }
}

/// The names in a piece of code: outside strings, and in the holes of strings where they stand first.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let mut before = ' ';
    let mut begin = 0;
    // Ruby's and Elixir's `:name` is a word.
    let mut symbol = false;
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(move |word| {
            let end = begin + word.len();
            let after = text[end..].chars().next();
            let text_begins = matches!(after, Some('"' | '\''));
            let code = quote.is_none() && before != '.' && !symbol && !text_begins;
            let named = !word.is_empty() && (code || matches!(before, '{' | '$'));
            begin = end + after.map_or(0, char::len_utf8);
            match (quote, after) {
                (None, Some('"' | '\'' | '`')) => quote = after,
                (Some(own), Some(c)) if own == c => quote = None,
                _ => {}
            }
            if !word.is_empty() {
                before = 'a';
            }
            symbol = after == Some(':');
            before = after.filter(|c| *c != ' ').unwrap_or(before);
            named
        })
}

#[cfg(test)]
mod tests {
    use super::names_in;

    #[test]
    fn names_stand_outside_strings_and_in_their_holes() {
        let names = |text| names_in(text).collect::<Vec<_>>();
        assert_eq!(names("(\"user:data\" + id)"), ["id"]);
        assert_eq!(names("(f\"user:{uid}:data\", name)"), ["uid", "name"]);
        assert_eq!(names("(`user:${ uid }`)"), ["uid"]);
        assert_eq!(names("(:uid, name)"), ["name"]);
        assert_eq!(names("('u:{}'.format(a.b))"), ["a"]);
    }
}
