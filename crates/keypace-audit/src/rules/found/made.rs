//! What a function makes of one key found, where it is kept for each of them.
//! Must not learn names by it, and must not know what the function does.

use super::{Amount, Found, Trace};
use crate::facts::{Binding, CallId, Expr, FunctionId, LoopId};
use crate::rules::flow_names::is_growth;

impl Found<'_> {
    /// `owners.add(ownerOf(key))`, also by a name that the loop gives it.
    fn made_by_function(
        &self,
        function: Option<FunctionId>,
        loops: &[LoopId],
        args: &[Expr],
    ) -> Option<Trace> {
        args.iter().find_map(|arg| match arg {
            Expr::Call(id) => self.made_of_key(*id),
            Expr::Path(path) => {
                let mut bound = self.origins.bindings_of(path).iter();
                bound.find_map(|own| match own.value {
                    Expr::Call(id) if own.function == function && own.loops == loops => {
                        self.made_of_key(id)
                    }
                    _ => None,
                })
            }
            _ => None,
        })
    }

    /// A list grows by what a function makes of each key: all are kept, and are no keys that were found.
    pub(super) fn keep_made(&mut self, id: CallId, list: &Expr, args: &[Expr]) {
        let call = &self.facts.calls[id.0];
        let Some(made) = self.made_by_function(call.function, &call.loops, args) else {
            return;
        };
        let anew = matches!(list, Expr::Path(path) if self.begins_anew(path, made.source));
        if self.scan_around(made.source, id) && !anew {
            let step = self.nearest(made.source, &call.loops, call.function);
            self.gather(step, call.loops.last().copied());
        }
    }

    /// `owners = append(owners, ownerOf(key))`, `$owners[] = $this->ownerOf($key)`.
    pub(super) fn keep_added(&mut self, binding: &Binding) {
        let Expr::Call(id) = &binding.value else {
            return;
        };
        let call = &self.facts.calls[id.0];
        let made = if is_growth(&call.name) && self.adds_each(binding) {
            self.made_by_function(binding.function, &binding.loops, &call.args)
        } else if self.appends(binding) {
            // `total += weightOf(key)` keeps a number.
            self.made_of_key(*id)
        } else {
            None
        };
        let Some(made) = made.filter(|made| self.goes_on(made.source, binding)) else {
            return;
        };
        let mut lists = binding.targets.iter();
        if !lists.any(|list| self.begins_anew(list, made.source)) {
            let step = self.nearest(made.source, &binding.loops, binding.function);
            self.gather(step, binding.loops.last().copied());
        }
    }

    /// A call that is given one key, and is no command.
    fn made_of_key(&self, id: CallId) -> Option<Trace> {
        let own = &self.facts.calls[id.0];
        if own.constructs || self.commands.at(id).is_some() {
            return None;
        }
        let mut given = own.args.iter();
        given.find_map(|arg| {
            let trace = self.trace(arg, own.function);
            trace.filter(|trace| trace.amount == Amount::One)
        })
    }
}
