//! Methods of classes in other files that stand for a command, and which calls mean them by the receiver's class.
//! Must not follow keys, and must not judge.

use std::collections::{HashMap, HashSet};

use crate::facts::{Call, CallId, Expr, Facts, FunctionId};
use crate::language::Language;
use crate::receiver::verb::Verb;

/// What a method does with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Does {
    /// Reads the key that it is given at this place.
    Reads(usize),
    /// Gives what it is given at this place to one command.
    Takes(usize, Verb),
    /// Gives back all that such a command found.
    Finds(Verb),
}

/// A method of a class, and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Method {
    pub class: String,
    pub name: String,
    pub does: Does,
}

/// The methods that a tree's files offer to each other, by their name.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    named: HashMap<String, HashMap<String, Vec<Does>>>,
}

/// What a function of another file stands for, where no type tells whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    /// The command that the function runs.
    pub verb: Verb,
    /// Where the key stands among the arguments.
    pub place: usize,
}

/// What other files tell of the calls of a file.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere<'a> {
    /// Calls of functions that find keys, or read or delete the one that they are given.
    pub meant: HashMap<CallId, Meant>,
    /// Calls of functions that send the words they are given.
    pub sends: HashSet<CallId>,
    pub methods: Option<&'a Methods>,
    pub text: &'a str,
}

/// Languages where a value's class is declared beside its name, so that a method's class is known where it is called.
pub(crate) fn are_called_by_type(language: Language) -> bool {
    matches!(
        language,
        Language::Java | Language::Kotlin | Language::CSharp
    )
}

impl Methods {
    /// Puts together what files offer, in any order.
    pub(crate) fn new(offers: Vec<Method>) -> Self {
        let mut named: HashMap<String, HashMap<String, Vec<Does>>> = HashMap::new();
        for Method { class, name, does } in offers {
            let own = named.entry(name).or_default().entry(class).or_default();
            if !own.contains(&does) {
                own.push(does);
            }
        }
        Self { named }
    }

    /// The classes that have such methods.
    pub(crate) fn classes(&self) -> HashSet<&str> {
        let all = self.named.values().flat_map(HashMap::keys);
        all.map(String::as_str).collect()
    }
}

impl Elsewhere<'_> {
    /// What the method of another file does that a call means.
    pub(crate) fn of_call(&self, facts: &Facts, call: &Call) -> &[Does] {
        let named = self
            .methods
            .filter(|_| are_called_by_type(facts.language) && !call.constructs)
            .and_then(|methods| methods.named.get(&call.name));
        let Some(named) = named else { return &[] };
        let mut classes = self.classes_of(facts, call).into_iter();
        let does = classes.find_map(|class| named.get(class));
        does.map_or(&[], Vec::as_slice)
    }

    /// The classes that a call may be made on: the one around it, one that stands before it, one that its receiver was
    /// declared or made as.
    fn classes_of<'s>(&'s self, facts: &'s Facts, call: &'s Call) -> Vec<&'s str> {
        if call.call_of_own() {
            if facts.functions.iter().any(|own| own.name == call.name) {
                return Vec::new();
            }
            let around = call.class.and_then(|id| facts.classes.get(id.0));
            let names = around
                .into_iter()
                .flat_map(|own| own.bases.iter().chain([&own.name]));
            return names.map(String::as_str).collect();
        }
        match &call.receiver {
            Some(Expr::Path(path)) => {
                let mut classes: Vec<&str> = declared(facts, path, call.function);
                classes.extend(
                    path.last()
                        .into_iter()
                        .chain(path.first())
                        .map(String::as_str),
                );
                classes
            }
            Some(Expr::Call(_)) => {
                let written = self.text.get(call.span.start..call.at.start);
                named_in(written.unwrap_or_default())
            }
            _ => Vec::new(),
        }
    }
}

/// The class of a name, by the parameter, field or variable that is nearest.
fn declared<'s>(facts: &'s Facts, path: &[String], function: Option<FunctionId>) -> Vec<&'s str> {
    let Some(name) = path.last() else {
        return Vec::new();
    };
    let mut at = function;
    while let Some(own) = at.and_then(|id| facts.functions.get(id.0)) {
        if let Some(param) = own.params.iter().find(|param| param.name == *name) {
            return param.declared.as_deref().map_or(Vec::new(), types_in);
        }
        at = own.parent;
    }
    let fields = facts.classes.iter().flat_map(|own| &own.fields);
    let fields = fields.filter(|field| field.name == *name);
    let mut classes: Vec<&str> = fields
        .filter_map(|field| field.declared.as_deref())
        .flat_map(types_in)
        .collect();
    for own in &facts.bindings {
        let target = own.targets.first().and_then(|target| target.last());
        if target != Some(name) {
            continue;
        }
        classes.extend(own.declared.as_deref().map_or(Vec::new(), types_in));
        if let Expr::Call(made) = &own.value {
            classes.extend(facts.calls.get(made.0).map(|made| made.name.as_str()));
        }
    }
    classes
}

/// `Store`, `Store<K, V>`, `app.Store?`, and both of `Lazy<Store>`.
fn types_in(declared: &str) -> Vec<&str> {
    let (outer, inner) = declared.split_once('<').unwrap_or((declared, ""));
    vec![last_name(outer), last_name(inner)]
}

fn last_name(written: &str) -> &str {
    let plain = written.trim_end_matches(['>', '?', '!', ' ']);
    plain.rsplit(['.', ':', ' ']).next().unwrap_or_default()
}

/// Classes in what stands before a call: `Store.`, `<Store>`, `(Store.class)`, `(Store::class`.
fn named_in(written: &str) -> Vec<&str> {
    let first = written.split(['.', '(', '<']).next();
    let inner = written
        .split('<')
        .skip(1)
        .filter_map(|own| own.split('>').next());
    let literals = written.split('(').skip(1).filter_map(|own| {
        let (name, rest) = own.split_once(['.', ':'])?;
        rest.trim_start_matches(':')
            .starts_with("class")
            .then_some(name)
    });
    first.into_iter().chain(inner).chain(literals).collect()
}
