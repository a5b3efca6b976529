//! Keys found that a fold gathers, and that are handed on as a whole: `Enum.reduce(keys, [], fn ... end)`,
//! `keys.reduce(add, [])`, `keys |> then(&clear/1)`.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::facts::{CallId, Expr, FunctionId};
use crate::language::Language;
use crate::rules::flow_names::is_fold;

impl Found<'_> {
    /// What a fold holds that begins with an empty list: something of each key that it goes over.
    pub(super) fn folded(
        &self,
        id: CallId,
        function: Option<FunctionId>,
        depth: usize,
    ) -> Option<Trace> {
        let call = &self.facts.calls[id.0];
        if !is_fold(&call.name) || !call.args.iter().any(|arg| self.is_empty_list(arg)) {
            return None;
        }
        let mut over = call.receiver.iter().chain(&call.args);
        let trace = over.find_map(|own| self.trace_at(own, function, depth + 1))?;
        (trace.amount != Amount::One).then_some(trace)
    }

    /// `[]`, `Vec::new()`, `{[], MapSet.new()}`.
    fn is_empty_list(&self, arg: &Expr) -> bool {
        match arg {
            Expr::List(items) if items.is_empty() => true,
            Expr::List(items) => {
                self.facts.language == Language::Elixir
                    && items.iter().any(|item| self.is_empty_list(item))
            }
            Expr::Call(made) => {
                let made = &self.facts.calls[made.0];
                let of = match &made.receiver {
                    Some(Expr::Path(path)) => path.last(),
                    _ => None,
                };
                let name = of.filter(|_| made.name == "new").unwrap_or(&made.name);
                let lower = name.to_ascii_lowercase();
                made.args.is_empty()
                    && (lower.contains("list")
                        || lower.ends_with("set")
                        || lower.starts_with("set")
                        || lower.starts_with("vec"))
            }
            _ => false,
        }
    }

    /// Elixir's `keys |> then(fn keys -> ... end)`: the function is given all of it.
    pub(super) fn hand_whole(&mut self, id: CallId) {
        let call = &self.facts.calls[id.0];
        let whole = matches!(call.name.as_str(), "then" | "tap");
        let (true, [value, Expr::Lambda(lambda)]) = (
            whole && self.facts.language == Language::Elixir,
            call.args.as_slice(),
        ) else {
            return;
        };
        if let Some(trace) = self.trace(value, call.function) {
            self.give_params(*lambda, trace);
        }
    }
}
