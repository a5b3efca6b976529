//! Which functions of the file a call means.
//! Must not follow keys.

use super::Found;
use crate::facts::{Call, Expr, Function, FunctionId};
use crate::language::Language;
use crate::limits;
use crate::receiver::elsewhere::are_called_by_type;
use crate::receiver::verb;
use crate::rules::flow_names::{
    is_chunk, is_collect, is_element, is_growth, is_limit, is_passing_function, is_passing_method,
};

impl Found<'_> {
    /// Whether a call is one of the file's own function: by no receiver, by `self`, by a class of the file or something of that
    /// class, or by a name that nothing else has.
    pub(super) fn is_own(&self, call: &Call) -> bool {
        let class = |name: &String| !self.origins.classes_named(name).is_empty();
        match &call.receiver {
            None => true,
            Some(Expr::Path(path)) if matches!(path.as_slice(), [one] if one == "self" || one == "cls" || class(one)) => {
                true
            }
            Some(receiver) => {
                !is_everyday(&call.name) || self.is_of_own_class(receiver, call.function)
            }
        }
    }

    /// Whether a value was declared or made as a class that the file has: `func (s *Store)`, `repo: Store`, `new Store()`.
    fn is_of_own_class(&self, receiver: &Expr, function: Option<FunctionId>) -> bool {
        let Expr::Path(path) = receiver else {
            return false;
        };
        let Some(name) = path.last() else {
            return false;
        };
        let is_class = |declared: &str| {
            let mut last = declared.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let last = last.rfind(|word| !word.is_empty());
            last.is_some_and(|last| !self.origins.classes_named(last).is_empty())
        };
        let mut at = function;
        while let Some(own) = at.and_then(|id| self.facts.functions.get(id.0)) {
            if let Some(param) = own.params.iter().find(|param| param.name == *name) {
                return path.len() == 1 && param.declared.as_deref().is_some_and(is_class);
            }
            at = own.parent;
        }
        let root = self.origins.root(function);
        let mut bound = self.origins.bindings_of(path).iter().filter(|binding| {
            binding.targets.first() == Some(path)
                && (path.len() > 1 || self.origins.root(binding.function) == root)
        });
        let made = bound.any(|binding| {
            let made = match &binding.value {
                Expr::Call(call) => is_class(&self.facts.calls[call.0].name),
                _ => false,
            };
            made || binding.declared.as_deref().is_some_and(is_class)
        });
        let mut fields = self.facts.classes.iter().flat_map(|class| &class.fields);
        made || fields
            .any(|field| field.name == *name && field.declared.as_deref().is_some_and(is_class))
    }

    /// The function of the file that a call means, where only one can be meant.
    pub(super) fn meant(&self, call: &Call) -> Option<FunctionId> {
        let overloads = are_called_by_type(self.facts.language);
        let named = self.origins.functions_named(&call.name).iter();
        let shell = self.facts.language == Language::Shell;
        let mut fitting = named.filter(|id| {
            let own = &self.facts.functions[id.0];
            !own.name.is_empty() && (shell || own.params.len() >= call.args.len())
        });
        let first = *fitting.next()?;
        if fitting.next().is_none() {
            return Some(first);
        }
        // Java's and C#'s overloads are told apart by how many they take.
        let named = self.origins.functions_named(&call.name).iter();
        let mut exact = named.filter(|id| {
            let own = &self.facts.functions[id.0];
            let taken = call.args.len() + usize::from(self.is_called_on(**id, call));
            overloads && !own.name.is_empty() && own.params.len() == taken
        });
        if let (Some(only), None) = (exact.next(), exact.next()) {
            return Some(*only);
        }
        if !has_interfaces(self.facts.language) {
            return self.meant_by_class(call);
        }
        // An interface says it as well, and has no body.
        let named = self.origins.functions_named(&call.name).iter();
        let mut written = named.filter(|id| {
            let own = &self.facts.functions[id.0];
            let fits = !own.name.is_empty() && own.params.len() >= call.args.len();
            let text = self.text.get(own.span.start..own.span.end);
            // Go's interfaces may say `interface{}` of what they are given.
            let body = if self.facts.language == Language::Go {
                "func"
            } else {
                "{"
            };
            fits && text.is_some_and(|text| text.contains(body))
        });
        let first = *written.next()?;
        if written.next().is_none() {
            return Some(first);
        }
        self.meant_by_class(call)
    }

    /// The one of several functions of a name that the class has which a call is made on.
    pub(super) fn meant_by_class(&self, call: &Call) -> Option<FunctionId> {
        let class = self.class_called(call)?;
        let named = self.origins.functions_named(&call.name).iter();
        let mut own = named.filter(|id| {
            let own = &self.facts.functions[id.0];
            let of = own.class.and_then(|id| self.facts.classes.get(id.0));
            let of = of.map(|of| of.name.as_str());
            own.params.len() >= call.args.len()
                && of.or_else(|| self.receiver_of(own)) == Some(class)
        });
        let first = *own.next()?;
        own.next().is_none().then_some(first)
    }

    /// The class around a call on `self`, or the type of the parameter that it is made on.
    fn class_called<'f>(&'f self, call: &'f Call) -> Option<&'f str> {
        if call.call_of_own() {
            return Some(self.facts.classes.get(call.class?.0)?.name.as_str());
        }
        let Some(Expr::Path(path)) = &call.receiver else {
            return None;
        };
        let [name] = path.as_slice() else { return None };
        let mut at = call.function;
        while let Some(own) = at.and_then(|id| self.facts.functions.get(id.0)) {
            if let Some(param) = own.params.iter().find(|param| param.name == *name) {
                return last_word(param.declared.as_deref()?);
            }
            at = own.parent;
        }
        None
    }

    /// The type of Go's `func (s *Store) Load(...)`.
    pub(super) fn receiver_of<'f>(&self, own: &'f Function) -> Option<&'f str> {
        let text = self.text.get(own.span.start..own.span.end)?;
        if self.facts.language != Language::Go || !text.starts_with("func (") {
            return None;
        }
        last_word(own.params.last()?.declared.as_deref()?)
    }

    /// The functions of the file that a call may mean: one, or the clauses of one.
    pub(super) fn clauses(&self, call: &Call) -> Vec<FunctionId> {
        if self.facts.language != Language::Elixir {
            return self.meant(call).into_iter().collect();
        }
        let named = self.origins.functions_named(&call.name).iter();
        let fits = |id: &&FunctionId| {
            let own = &self.facts.functions[id.0];
            !own.name.is_empty() && !own.lambda && own.params.len() >= call.args.len()
        };
        let clauses = named.filter(fits).take(limits::MAX_CLAUSES);
        clauses.copied().collect()
    }

    /// Those of a function's clauses that may be given a list: the ones that ask for it by a guard, where some do, and none
    /// that asks for something else.
    pub(super) fn clauses_for_many(&self, call: &Call) -> Vec<FunctionId> {
        let mut clauses = self.clauses(call);
        if self.facts.language != Language::Elixir {
            return clauses;
        }
        let guard = |id: &FunctionId| {
            let span = self.facts.functions[id.0].span;
            let text = self.text.get(span.start..span.end).unwrap_or_default();
            let head = text.split([';', '\n']).next().unwrap_or_default();
            let guard = head.split_once(" when ").map_or("", |(_, guard)| guard);
            guard.split(" do").next().unwrap_or_default()
        };
        let lists = |id: &FunctionId| guard(id).contains("is_list(");
        if clauses.iter().any(lists) {
            clauses.retain(lists);
        }
        clauses.retain(|id| {
            !["is_binary(", "is_atom("]
                .iter()
                .any(|own| guard(id).contains(own))
        });
        clauses
    }

    /// The function that a name is, where a scan is given it as its callback.
    pub(super) fn callback(&self, path: &[String]) -> Option<FunctionId> {
        let [name] = path else { return None };
        self.origins.functions_named(name).first().copied()
    }

    /// Whether a call is made by the function that it calls. Another number of arguments means another function.
    pub(super) fn calls_itself(&self, call: &Call) -> bool {
        let mut at = call.function;
        while let Some(own) = at.and_then(|id| self.facts.functions.get(id.0)) {
            if is_same(own, call) {
                return true;
            }
            at = own.parent;
        }
        false
    }
}

/// Languages where what has no body stands between braces as well.
fn has_interfaces(language: Language) -> bool {
    !matches!(
        language,
        Language::Python | Language::Ruby | Language::Elixir | Language::Lua | Language::Shell
    )
}

/// `Store` of `*cache.Store` and `Store[K]`.
fn last_word(declared: &str) -> Option<&str> {
    let plain = declared.split('[').next().unwrap_or(declared);
    let mut words = plain.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.rfind(|word| !word.is_empty())
}

fn is_same(own: &Function, call: &Call) -> bool {
    own.name == call.name && own.params.len() >= call.args.len()
}

/// A name that lists, maps and clients have as well.
fn is_everyday(name: &str) -> bool {
    is_passing_method(name)
        || is_passing_function(name)
        || is_collect(name)
        || is_element(name)
        || is_growth(name)
        || is_chunk(name)
        || is_limit(name)
        || verb::of_method(name).is_some()
        || matches!(name, "load" | "find" | "list" | "read" | "fetch" | "items")
}
