//! A file's classes, functions and bindings by their names: what is asked for each call is found once.
//! Must not know what any of them is.

use std::collections::{HashMap, HashSet};

use crate::facts::{Binding, Class, Facts, Function, FunctionId};
use crate::language::Language;

#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) classes: HashMap<&'a str, Vec<&'a Class>>,
    /// In the order of the file.
    pub(super) functions: HashMap<&'a str, Vec<FunctionId>>,
    /// Bindings by the name that they give.
    pub(super) bindings: HashMap<String, Vec<&'a Binding>>,
    /// Go's methods, with the type that each is called on.
    pub(super) methods: HashSet<(&'a str, &'a str)>,
    /// The packages whose commands Go's interfaces give: `redis` of `*redis.StringCmd`.
    pub(super) interfaces: HashMap<&'a str, HashSet<&'a str>>,
}

impl<'a> Named<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let mut named = Self {
            classes: HashMap::new(),
            functions: HashMap::new(),
            bindings: HashMap::new(),
            methods: HashSet::new(),
            interfaces: HashMap::new(),
        };
        for class in &facts.classes {
            named.classes.entry(&class.name).or_default().push(class);
        }
        for (at, function) in facts.functions.iter().enumerate() {
            if is_stub(facts, function) {
                continue;
            }
            let same = named.functions.entry(&function.name).or_default();
            same.push(FunctionId(at));
        }
        for binding in &facts.bindings {
            for target in &binding.targets {
                let same = named.bindings.entry(target.join(".")).or_default();
                same.push(binding);
            }
        }
        if facts.language == Language::Go {
            named.read_go(facts);
        }
        named
    }

    fn read_go(&mut self, facts: &'a Facts) {
        for own in &facts.functions {
            // What a method is called on stands last.
            let last = own.params.last();
            if let Some(class) = last.and_then(|param| type_of_file(param.declared.as_deref()?)) {
                self.methods.insert((&own.name, class));
            }
            let interface = own.class.and_then(|id| facts.classes.get(id.0));
            let returns = own.returns.as_deref().unwrap_or_default();
            let gives = returns.trim_start_matches('*').split_once('.');
            if let (Some(interface), Some((package, command))) = (interface, gives)
                && command.ends_with("Cmd")
            {
                let packages = self.interfaces.entry(&interface.name).or_default();
                packages.insert(package);
            }
        }
    }
}

/// Python's `@overload`: a signature for whoever checks types, and no body.
fn is_stub(facts: &Facts, own: &Function) -> bool {
    let overload = |mark: &String| mark.rsplit('.').next() == Some("overload");
    facts.language == Language::Python && own.marks.iter().any(overload)
}

/// `Cache` of `*Cache` and `Cache[K]`; another package's type is none of the file's.
pub(super) fn type_of_file(declared: &str) -> Option<&str> {
    let plain = declared.trim_start_matches('*').split('[').next()?;
    (!plain.contains('.')).then_some(plain)
}
