//! Which calls of a file mean a function of another file that finds keys, or reads or deletes the one that it is given.
//! Must not follow keys.

use std::collections::{HashMap, HashSet};

use super::{Kind, Wrapper, Wrappers, last_of, modules};
use crate::facts::{Binding, Call, CallId, Class, Expr, Facts, FunctionId};
use crate::language::Language;
use crate::receiver::elsewhere::Meant;
use crate::rules::Subject;

/// A class's own name, without what it stands in.
pub(super) fn short(class: &str) -> &str {
    class.rsplit(['.', ':', '\\']).next().unwrap_or(class)
}

impl Wrappers {
    /// The calls of a file that mean such a function, and what each does.
    pub(super) fn meant(&self, subject: &Subject<'_>) -> (HashMap<CallId, Meant>, HashSet<CallId>) {
        let (mut out, mut sends) = (HashMap::new(), HashSet::new());
        if self.index.doing.is_empty() {
            return (out, sends);
        }
        let mut types = Types::of(subject.facts);
        let ends = subject.facts.imports.iter().map(|own| end_of(&own.module));
        let mut instances: Vec<usize> = ends
            .filter_map(|end| self.index.instances_of_module.get(end))
            .flatten()
            .copied()
            .collect();
        instances.sort_unstable();
        instances.dedup();
        for own in instances.into_iter().map(|place| &self.found[place]) {
            if let Kind::Instance(class) = &own.kind {
                types.bring(subject.facts, own, short(class));
            }
        }
        let brought = brought(subject);
        let here = modules(subject.path);
        for (at, call) in subject.facts.calls.iter().enumerate() {
            let named = self.at(&self.index.doing, &call.name);
            let sent = named.clone().any(|own| match &own.kind {
                Kind::Sends(class) => is_of_class(subject, &types, call, class),
                _ => false,
            });
            if sent {
                sends.insert(CallId(at));
            }
            let mut named = named;
            let meant = named.find_map(|own| match &own.kind {
                Kind::Does(class, done) => {
                    let meant = match class {
                        Some(class) => {
                            is_of_class(subject, &types, call, class)
                                || (gives_objects(subject.facts.language)
                                    || subject.facts.language == Language::Lua)
                                    && is_of_module(subject, &brought, call, own)
                        }
                        None => own.modules != here && is_of_module(subject, &brought, call, own),
                    };
                    meant.then_some(*done)
                }
                _ => None,
            });
            if let Some(done) = meant {
                out.insert(CallId(at), done);
            }
        }
        (out, sends)
    }
}

/// `Store.load(key)`, `store.load(key)` where the store is known to be one, and `load(key)` where the class extends it.
fn is_of_class(subject: &Subject<'_>, types: &Types<'_>, call: &Call, class: &str) -> bool {
    let facts = subject.facts;
    if facts.classes.iter().any(|own| own.name == class) && has_own(facts, class, &call.name) {
        return false;
    }
    let name = short(class);
    match &call.receiver {
        None => extends(facts, call, name),
        Some(Expr::Path(path)) => match path.as_slice() {
            [one] if matches!(one.as_str(), "self" | "static" | "parent" | "super") => {
                extends(facts, call, name)
            }
            path => {
                let written = path.join(".");
                let last = path.last().map(String::as_str).unwrap_or_default();
                // `alias App.Store`, and another library's `Store` is another.
                let exact = facts.language == Language::Elixir;
                let typed = types.of_path(facts, path, call.function);
                written == class
                    || exact && is_alias(facts, &written, class)
                    || !exact && is_same(name, typed.unwrap_or(last))
                    || !exact && last == name
            }
        },
        Some(Expr::Call(made)) => made_class(facts, *made) == Some(name),
        Some(_) => false,
    }
}

/// Whether a file's part of a class has a function of a name. Ruby's modules are written in several files.
fn has_own(facts: &Facts, class: &str, name: &str) -> bool {
    facts.language != Language::Ruby
        || facts.functions.iter().any(|own| {
            let around = own.class.and_then(|id| facts.classes.get(id.0));
            own.name == name && around.is_some_and(|around| around.name == class)
        })
}

/// Languages where a module may give an object of its class to those who bring it in.
fn gives_objects(language: Language) -> bool {
    matches!(
        language,
        Language::JavaScript | Language::TypeScript | Language::Tsx
    )
}

/// `RedisStore`, `redisStore`, `redis_store` and `IRedisStore` mean the same.
fn is_same(class: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        let name = name.strip_suffix("Impl").unwrap_or(name);
        let name = match name.strip_prefix('I') {
            Some(rest) if rest.starts_with(char::is_uppercase) => rest,
            _ => name,
        };
        let letters = name.chars().filter(|c| *c != '_');
        letters.flat_map(char::to_lowercase).collect()
    };
    class == other || plain(class) == plain(other)
}

/// Whether the class around a call has another one above it, and not the function itself.
fn extends(facts: &Facts, call: &Call, name: &str) -> bool {
    let around = call.class.and_then(|id| facts.classes.get(id.0));
    let base = |own: &Class| own.bases.iter().any(|base| short(base) == name);
    let mut functions = facts.functions.iter();
    around.is_some_and(base)
        && !functions.any(|own| own.name == call.name && own.class == call.class)
}

fn is_alias(facts: &Facts, written: &str, class: &str) -> bool {
    let mut brought = facts.imports.iter().filter(|own| own.module == class);
    brought.any(|own| own.names.iter().any(|(_, here)| here == written))
}

/// All that the imports of a file say of modules: what they end with, and the names that they bring.
fn brought<'s>(subject: &'s Subject<'_>) -> HashSet<&'s str> {
    let imports = subject.facts.imports.iter();
    let said = imports.flat_map(|own| {
        let names = own.names.iter().map(|(there, _)| there.as_str());
        names.chain([last_of(subject.facts.language, &own.module)])
    });
    said.collect()
}

/// The last part of a module's name, with its ending.
fn end_of(module: &str) -> &str {
    module
        .rsplit(['/', '.', '\\', ':'])
        .next()
        .unwrap_or(module)
}

/// `from store import load`, and then `load(key)`; `import store`, and then `store.load(key)`.
fn is_of_module(subject: &Subject<'_>, named: &HashSet<&str>, call: &Call, own: &Wrapper) -> bool {
    let language = subject.facts.language;
    // Most are of files that this one has nothing of.
    let is_named = own.modules.iter().any(|own| named.contains(own.as_str()));
    if !is_named && language != Language::Rust {
        return false;
    }
    let mut brought = subject.facts.imports.iter().filter(|import| {
        let last = last_of(language, &import.module);
        own.modules.iter().any(|module| module == last)
            || import
                .names
                .iter()
                .any(|(there, _)| *there == own.modules[0])
    });
    match &call.receiver {
        None => brought.any(|import| {
            let mut names = import.names.iter();
            names.any(|(there, here)| *there == own.name && *here == call.name)
        }),
        // `mod store;`, and then `store::load(key)`.
        Some(Expr::Path(path))
            if language == Language::Rust && path.last() == Some(&own.modules[0]) =>
        {
            true
        }
        Some(Expr::Path(path)) if path.len() == 1 => brought.any(|import| {
            let path = made_by(subject.facts, path).unwrap_or(path);
            let objects = gives_objects(language);
            let mut names = import.names.iter();
            names.any(|(there, here)| {
                (objects || there.is_empty() || *there == own.modules[0]) && *here == path[0]
            })
        }),
        Some(_) => false,
    }
}

/// Lua's `local limits = store:new(options)`: what it is of is the module.
fn made_by<'s>(facts: &'s Facts, path: &[String]) -> Option<&'s [String]> {
    if facts.language != Language::Lua {
        return None;
    }
    facts.bindings.iter().find_map(|own| {
        let Expr::Call(made) = &own.value else {
            return None;
        };
        let made = facts.calls.get(made.0)?;
        let makes = matches!(
            made.name.as_str(),
            "new" | "connect" | "instance" | "create"
        );
        let own = own.targets.first()?.as_slice() == path;
        match &made.receiver {
            Some(Expr::Path(module)) if own && makes && module.len() == 1 => {
                Some(module.as_slice())
            }
            _ => None,
        }
    })
}

/// The class that a call makes something of: `Store(url)`, `new Store`, `Store.new`, `Store::instance()`.
fn made_class(facts: &Facts, id: CallId) -> Option<&str> {
    let call = facts.calls.get(id.0)?;
    let makes = matches!(
        call.name.as_str(),
        "new" | "instance" | "getInstance" | "get_instance" | "shared" | "create" | "make"
    );
    match &call.receiver {
        Some(Expr::Path(path)) if makes => path.last().map(|class| short(class)),
        _ if call.constructs => Some(short(&call.name)),
        _ => None,
    }
}

/// The functions of these names that a class has, with the class.
pub(super) fn of_classes(facts: &Facts, names: Vec<String>) -> Vec<(String, String)> {
    let named = names.into_iter().filter_map(|name| {
        let mut functions = facts.functions.iter();
        let own = functions.find(|own| own.name == name && own.parent.is_none())?;
        let class = facts.classes.get(own.class?.0)?;
        Some((class.name.clone(), name))
    });
    named.collect()
}

/// What a file makes of its own classes at its top level, by its name.
pub(super) fn instances(facts: &Facts, classes: &HashSet<String>) -> Vec<(String, String)> {
    let top = |own: &&Binding| own.function.is_none() && own.class.is_none();
    let made = facts.bindings.iter().filter(top).filter_map(|own| {
        let [target] = own.targets.as_slice() else {
            return None;
        };
        let (Expr::Call(call), [name]) = (&own.value, target.as_slice()) else {
            return None;
        };
        let class = classes.get(made_class(facts, *call)?)?;
        Some((name.clone(), class.clone()))
    });
    made.collect()
}

/// Names of a file whose class is known: by a declared type, or by what they are made of.
struct Types<'f>(HashMap<(Option<FunctionId>, &'f str), &'f str>);

impl<'f> Types<'f> {
    fn of(facts: &'f Facts) -> Self {
        let mut types = HashMap::new();
        for (at, function) in facts.functions.iter().enumerate() {
            let root = facts.root(Some(FunctionId(at)));
            for param in &function.params {
                if let Some(class) = param.declared.as_deref().and_then(last_word) {
                    types.entry((root, param.name.as_str())).or_insert(class);
                }
            }
        }
        for field in facts.classes.iter().flat_map(|class| &class.fields) {
            if let Some(class) = field.declared.as_deref().and_then(last_word) {
                types.entry((None, field.name.as_str())).or_insert(class);
            }
        }
        for binding in &facts.bindings {
            let [target] = binding.targets.as_slice() else {
                continue;
            };
            let Some(name) = target.last() else { continue };
            let is_field = target.len() > 1;
            let place = if is_field {
                None
            } else {
                facts.root(binding.function)
            };
            let declared = binding.declared.as_deref().and_then(last_word);
            let class = declared.or_else(|| match &binding.value {
                Expr::Call(made) => made_class(facts, *made),
                // `self.store = store`, as a constructor keeps what it is given.
                Expr::Path(path) => {
                    let given = path.last().filter(|_| path.len() == 1)?;
                    let root = facts.root(binding.function);
                    types.get(&(root, given.as_str())).copied()
                }
                _ => None,
            });
            if let Some(class) = class {
                types.entry((place, name.as_str())).or_insert(class);
            }
        }
        // `import { Store as CartStore }`: the class has its own name in its file.
        let named = facts.imports.iter().flat_map(|own| &own.names);
        let renamed: HashMap<&str, &str> = named
            .filter(|(there, here)| there != here && there.starts_with(char::is_uppercase))
            .map(|(there, here)| (here.as_str(), there.as_str()))
            .collect();
        for class in types.values_mut() {
            if let Some(there) = renamed.get(*class) {
                *class = *there;
            }
        }
        Self(types)
    }

    /// `from store import store`, which is a `Store`.
    fn bring(&mut self, facts: &'f Facts, own: &Wrapper, class: &'f str) {
        for import in &facts.imports {
            let last = end_of(&import.module);
            if !own.modules.iter().any(|module| module == last) {
                continue;
            }
            for (there, here) in &import.names {
                if *there == own.name {
                    self.0.entry((None, here.as_str())).or_insert(class);
                }
            }
        }
    }

    fn of_path(
        &self,
        facts: &Facts,
        path: &[String],
        function: Option<FunctionId>,
    ) -> Option<&'f str> {
        let name = path.last()?.as_str();
        let local = (path.len() == 1).then(|| facts.root(function)).flatten();
        let own = local.and_then(|root| self.0.get(&(Some(root), name)));
        own.or_else(|| self.0.get(&(None, name))).copied()
    }
}

/// Names of a file with the class that each is of.
pub(super) fn typed(facts: &Facts) -> Vec<(&str, &str)> {
    let types = Types::of(facts).0.into_iter();
    let mut out: Vec<(&str, &str)> = types.map(|((_, name), class)| (name, class)).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The class that a declared type ends with: `Optional[Store]`, `?App\Store`, `*store.Store`.
fn last_word(declared: &str) -> Option<&str> {
    let plain = |c: char| !(c.is_alphanumeric() || c == '_');
    let mut words = declared.split(plain);
    // Go's types of one package begin in lower case.
    let pointed = declared.trim_start_matches('*');
    let own = (declared != pointed && !pointed.contains(plain)).then_some(pointed);
    words
        .rfind(|word| word.starts_with(char::is_uppercase))
        .or(own)
}
