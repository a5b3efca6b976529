//! Which function a name belongs to: closures are given names of their own, and in some languages declare them.
//! Must not follow keys.

use std::collections::{HashMap, HashSet};

use super::Found;
use crate::facts::{Expr, Facts, FunctionId, LoopKind};
use crate::language::Language;
use crate::receiver::elsewhere::are_called_by_type;

/// The names that functions inside others declare. A name that is only given a value belongs to the function around.
#[derive(Debug, Default)]
pub(super) struct Scopes(HashMap<FunctionId, HashSet<String>>);

/// What Kotlin calls the one value that a lambda is given.
const IT: &str = "it";

impl Scopes {
    pub(super) fn of(facts: &Facts, text: &str) -> Self {
        let mut names: HashMap<FunctionId, HashSet<String>> = HashMap::new();
        for (id, name) in declared(facts, text) {
            names.entry(id).or_default().insert(name);
        }
        Self(names)
    }
}

/// Each name that a function inside another declares, with that function.
fn declared(facts: &Facts, text: &str) -> Vec<(FunctionId, String)> {
    let mut names = Vec::new();
    let script = matches!(
        facts.language,
        Language::JavaScript | Language::TypeScript | Language::Tsx
    );
    if facts.language == Language::Elixir {
        // Each capture has a `&1` of its own.
        for (at, function) in facts.functions.iter().enumerate() {
            let params = function.params.iter().map(|param| &param.name);
            let own = params.filter(|name| function.parent.is_some() && name.starts_with('&'));
            names.extend(own.map(|name| (FunctionId(at), name.clone())));
        }
        return names;
    }
    if !script && !are_called_by_type(facts.language) {
        return names;
    }
    let kotlin = facts.language == Language::Kotlin;
    let inner = |id: FunctionId| facts.functions[id.0].parent.is_some();
    for (at, function) in facts.functions.iter().enumerate() {
        let id = FunctionId(at);
        if inner(id) {
            let params = function.params.iter();
            let params = params.filter(|param| !(kotlin && param.name == IT));
            names.extend(params.map(|param| (id, param.name.clone())));
        }
    }
    if kotlin {
        names.extend(implicit(facts));
    }
    if !script {
        return names;
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
    names
}

/// Kotlin's `it`, in lambdas that are given one value: what else a lambda without parameters is run by may give none.
fn implicit(facts: &Facts) -> impl Iterator<Item = (FunctionId, String)> {
    let each = facts.loops.iter().filter_map(|own| match &own.kind {
        LoopKind::Callback { call, .. } => Some(&facts.calls[call.0]),
        _ => None,
    });
    let lent = facts.calls.iter().filter(|call| {
        matches!(
            call.name.as_str(),
            "also" | "let" | "takeIf" | "takeUnless" | "use"
        )
    });
    let lambdas = each.chain(lent).flat_map(|call| &call.args);
    lambdas.filter_map(|arg| match arg {
        Expr::Lambda(id) => {
            let mut params = facts.functions[id.0].params.iter();
            let named = params.any(|param| param.name == IT);
            named.then(|| (*id, IT.to_owned()))
        }
        _ => None,
    })
}

impl Found<'_> {
    /// The function that a name belongs to: the nearest that declares it, else the outermost.
    pub(super) fn place(&self, function: Option<FunctionId>, name: &str) -> Option<FunctionId> {
        let from = function.filter(|_| !self.scopes.0.is_empty());
        let declares = |id: &FunctionId| {
            let own = self.scopes.0.get(id);
            own.is_some_and(|own| own.contains(name))
        };
        let nearest = self.facts.around(from).find(declares);
        nearest.or_else(|| self.origins.root(function))
    }
}
