//! Functions that make one name of each that they are given: `prefixed(keys)` holds what `keys` does.
//! Must not judge, and must not follow keys.

use std::collections::{HashMap, HashSet};

use super::Found;
use crate::facts::{Call, Expr, FunctionId, LoopId, LoopKind, Usage};
use crate::limits;
use crate::rules::flow_names::is_passing_method;

impl Found<'_> {
    /// Finds them, by what each function gives back.
    pub(super) fn find_passers(&mut self) {
        let asking: HashSet<LoopId> = self
            .commands
            .all
            .iter()
            .flat_map(|own| &self.facts.calls[own.call.0].loops)
            .copied()
            .collect();
        // `None` for those that give back something else as well.
        let mut places: HashMap<FunctionId, Option<usize>> = HashMap::new();
        let mut learn = |function: Option<FunctionId>, place: Option<usize>| {
            if let Some(id) = function {
                let known = places.entry(id).or_insert(place);
                if *known != place {
                    *known = None;
                }
            }
        };
        for own in &self.facts.returned {
            let place = match &own.value {
                Expr::Gathered(each) if !own.yielded && !asking.contains(each) => {
                    match &self.facts.loops[each.0].kind {
                        LoopKind::Each { iterable, .. } => self.param_in(iterable, own.function),
                        _ => None,
                    }
                }
                _ => None,
            };
            learn(own.function, place);
        }
        for call in &self.facts.calls {
            if call.usage == Usage::Returned {
                let asks = call.loops.iter().any(|each| asking.contains(each));
                let place = (!asks).then(|| self.mapped(call)).flatten();
                learn(call.function, place);
            }
        }
        let named = |id: &FunctionId| !self.facts.functions[id.0].name.is_empty();
        self.passers = places
            .into_iter()
            .filter_map(|(id, place)| Some((id, place?)))
            .filter(|(id, _)| named(id))
            .collect();
    }

    /// `keys.map(keyOf)`, `keys.stream().map(...).toList()`: the parameter that it begins with.
    fn mapped(&self, call: &Call) -> Option<usize> {
        let mut at = call;
        let mut maps = false;
        for _ in 0..limits::MAX_FLOW_STEPS {
            if !is_passing_method(&at.name) {
                return None;
            }
            maps |= matches!(at.name.as_str(), "map" | "Select" | "collect");
            match &at.receiver {
                Some(Expr::Call(inner)) => at = &self.facts.calls[inner.0],
                Some(path) if maps && !self.asks_inside(call) => {
                    return self.param_in(path, call.function);
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether a command is run inside a call, for each of what it maps.
    fn asks_inside(&self, call: &Call) -> bool {
        self.commands.all.iter().any(|own| {
            let at = self.facts.calls[own.call.0].at;
            call.span.start <= at.start && at.end <= call.span.end
        })
    }

    /// The place of the parameter that an expression is.
    fn param_in(&self, expr: &Expr, function: Option<FunctionId>) -> Option<usize> {
        let Expr::Path(path) = expr else { return None };
        let [name] = path.as_slice() else { return None };
        let own = self.facts.functions.get(function?.0)?;
        own.params.iter().position(|param| param.name == *name)
    }

    /// What such a function of the file is given.
    pub(super) fn passed<'c>(&self, call: &'c Call) -> Option<&'c Expr> {
        if self.passers.is_empty() || call.args.is_empty() || call.constructs {
            return None;
        }
        let mut named = self.origins.functions_named(&call.name).iter();
        if !named.any(|id| self.passers.contains_key(id))
            || !self.is_own(call)
            || self.calls_itself(call)
        {
            return None;
        }
        let id = self.meant(call)?;
        let place = *self.passers.get(&id)?;
        let param = &self.facts.functions[id.0].params.get(place)?.name;
        let by_name = call.args.iter().find_map(|arg| match arg {
            Expr::Named(name, inner) if name == param => Some(inner.as_ref()),
            _ => None,
        });
        let first = usize::from(self.is_called_on(id, call));
        by_name.or_else(|| call.args.get(place.checked_sub(first)?))
    }
}
