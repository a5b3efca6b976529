//! Functions of the file that lend a client to what they are given: `with_conn { |c| ... }`, `run(jedis -> ...)`.
//! Must not know libraries' own lenders: `reading` does.

use std::collections::HashMap;

use super::Origins;
use crate::facts::{Call, Expr, Function, FunctionId};
use crate::receiver::shape::{Known, Shape, Sure};
use crate::receiver::verb;

/// What calls a function that is held as a value: Java's `f.apply(x)`, Ruby's `f.call(x)`, Kotlin's and C#'s `Invoke`.
const CALLS: &[&str] = &[
    "apply",
    "accept",
    "call",
    "invoke",
    "Invoke",
    "run",
    "doInRedis",
    "test",
    "doWith",
];

impl<'a> Origins<'a> {
    /// The parameters of lambdas that are given to a lender.
    pub(super) fn read_lenders(&mut self) {
        let lenders = self.lenders();
        if lenders.is_empty() {
            return;
        }
        for call in &self.facts.calls {
            let own = call.call_of_own() || verb::of_method(&call.name).is_none();
            for arg in call.args.iter().filter(|_| own) {
                let Expr::Lambda(lambda) = arg else { continue };
                let params = &self.facts.functions[lambda.0].params;
                let root = self.root(Some(*lambda));
                for (at, param) in params.iter().enumerate() {
                    if let Some(known) = lenders.get(&(call.name.as_str(), at)) {
                        let place = (root, param.name.clone());
                        self.names.entry(place).or_insert(*known);
                    }
                }
            }
        }
    }

    /// What a function calls its callback with, by its name and the place among the callback's parameters.
    fn lenders(&self) -> HashMap<(&'a str, usize), Known> {
        let mut lenders = HashMap::new();
        for call in &self.facts.calls {
            let Some((id, lender)) = self.around(call.function) else {
                continue;
            };
            if self.calls_callback(id, call) {
                for (at, arg) in call.args.iter().enumerate() {
                    let known = self.known(arg, call.function, call.class);
                    if let Some(known) = known.filter(is_lent) {
                        lenders.insert((lender.name.as_str(), at), known);
                    }
                }
                continue;
            }
            // `pool.with(&block)`
            let given = |arg: &Expr| matches!(arg, Expr::Path(path) if matches!(path.as_slice(), [name] if self.is_param(id, name)));
            if call.args.iter().any(given)
                && let Some(known) = self.of_giver(call).filter(is_lent)
            {
                lenders.insert((lender.name.as_str(), 0), known);
            }
        }
        lenders
    }

    /// Whether a call is one of a function's own parameter, or of Ruby's block.
    fn calls_callback(&self, id: FunctionId, call: &Call) -> bool {
        match &call.receiver {
            None => call.name == "yield" || self.is_param(id, &call.name),
            Some(Expr::Path(path)) => {
                matches!(path.as_slice(), [name] if self.is_param(id, name))
                    && CALLS.contains(&call.name.as_str())
            }
            Some(_) => false,
        }
    }

    fn is_param(&self, id: FunctionId, name: &str) -> bool {
        let params = &self.facts.functions[id.0].params;
        params.iter().any(|param| param.name == name)
    }

    /// The innermost function with a name.
    fn around(&self, function: Option<FunctionId>) -> Option<(FunctionId, &'a Function)> {
        let facts = self.facts;
        let mut at = function;
        while let Some(id) = at {
            let own = facts.functions.get(id.0)?;
            if !own.name.is_empty() {
                return Some((id, own));
            }
            at = own.parent;
        }
        None
    }
}

fn is_lent(known: &Known) -> bool {
    known.sure == Sure::Resolved && known.shape != Shape::Module
}
