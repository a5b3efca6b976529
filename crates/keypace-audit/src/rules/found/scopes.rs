//! Which function a name belongs to, in languages whose closures declare names of their own.
//! Must not follow keys.

use std::collections::HashSet;

use super::Found;
use crate::facts::{Facts, FunctionId};
use crate::language::Language;

/// The names that functions inside others declare. A name that is only given a value belongs to the function around.
#[derive(Debug, Default)]
pub(super) struct Scopes(HashSet<(FunctionId, String)>);

impl Scopes {
    pub(super) fn of(facts: &Facts, text: &str) -> Self {
        let mut names = HashSet::new();
        let inner = |id: FunctionId| facts.functions[id.0].parent.is_some();
        match facts.language {
            Language::JavaScript | Language::TypeScript | Language::Tsx => {}
            // Each capture has a `&1` of its own.
            Language::Elixir => {
                for (at, function) in facts.functions.iter().enumerate() {
                    let id = FunctionId(at);
                    let params = function.params.iter().map(|param| &param.name);
                    let marked = params.filter(|name| inner(id) && name.starts_with('&'));
                    names.extend(marked.map(|name| (id, name.clone())));
                }
                return Self(names);
            }
            _ => return Self(names),
        }
        for binding in &facts.bindings {
            let Some(id) = binding.function.filter(|id| inner(*id)) else {
                continue;
            };
            let before = text
                .get(..binding.span.start)
                .unwrap_or_default()
                .trim_end();
            let own = text.get(binding.span.start..).unwrap_or_default();
            let declares = |word: &str| before.ends_with(word) || own.starts_with(word);
            if ["const", "let", "var"].iter().any(|word| declares(word)) {
                let targets = binding.targets.iter();
                names.extend(targets.filter_map(|path| Some((id, path.first()?.clone()))));
            }
        }
        for (at, function) in facts.functions.iter().enumerate() {
            let id = FunctionId(at);
            if inner(id) {
                let params = function.params.iter();
                names.extend(params.map(|param| (id, param.name.clone())));
            }
        }
        Self(names)
    }
}

impl Found<'_> {
    /// The function that a name belongs to: the nearest that declares it, else the outermost.
    pub(super) fn place(&self, function: Option<FunctionId>, name: &str) -> Option<FunctionId> {
        let mut at = function.filter(|_| !self.scopes.0.is_empty());
        while let Some(id) = at {
            if self.scopes.0.contains(&(id, name.to_owned())) {
                return Some(id);
            }
            at = self.facts.functions.get(id.0).and_then(|own| own.parent);
        }
        self.origins.root(function)
    }
}
