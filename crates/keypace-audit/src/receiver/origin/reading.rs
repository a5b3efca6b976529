//! A file read for its origins, one kind of fact after the other: imports, types, bindings, lambdas, makers.
//! Must not answer questions: `origin` does.

use super::{Origins, Root, put};
use crate::facts::{Binding, Call, CallId, Expr, FunctionId, LoopKind, Usage};
use crate::language::Language;
use crate::receiver::clients::{self, Telling};
use crate::receiver::modules;
use crate::receiver::shape::{
    Known, Shape, Sure, client_of, is_client_name, is_cluster, is_other_store, is_plain_type,
    is_something_else,
};
use crate::receiver::verb;

impl Origins<'_> {
    pub(super) fn read_imports(&mut self) {
        for import in &self.facts.imports {
            let library = modules::is_library(self.facts.language, &import.module)
                || modules::is_bundled(import);
            self.library |= library;
            if !library {
                continue;
            }
            let cluster = import.module.to_ascii_lowercase().contains("rediscluster");
            for (there, here) in &import.names {
                let lower = there.to_ascii_lowercase();
                if ["error", "exception", "config", "options"]
                    .iter()
                    .any(|word| lower.ends_with(word))
                {
                    continue;
                }
                let known = Known {
                    sure: Sure::Resolved,
                    shape: Shape::Module,
                    cluster: cluster || is_cluster(there),
                };
                self.names.insert((None, here.clone()), known);
            }
        }
    }

    pub(super) fn read_types(&mut self) {
        for class in &self.facts.classes {
            for field in &class.fields {
                if let Some(known) = field
                    .declared
                    .as_deref()
                    .and_then(|declared| self.of_type(declared))
                {
                    put(&mut self.members, field.name.clone(), known);
                } else if field.declared.as_deref().is_some_and(is_plain_type) {
                    self.others.insert((None, format!("self.{}", field.name)));
                    if self.has_implicit_self() {
                        self.others.insert((None, field.name.clone()));
                    }
                }
            }
        }
        for (at, function) in self.facts.functions.iter().enumerate() {
            let root = self.root(Some(FunctionId(at)));
            for param in &function.params {
                let Some(declared) = param.declared.as_deref() else {
                    continue;
                };
                if let Some(known) = self.of_type(declared) {
                    self.names.insert((root, param.name.clone()), known);
                } else if is_plain_type(declared) {
                    self.others.insert((root, param.name.clone()));
                }
            }
            if let Some(known) = function
                .returns
                .as_deref()
                .and_then(|returns| self.of_type(returns))
            {
                put(&mut self.makers, function.name.clone(), known);
            }
        }
    }

    pub(super) fn read_bindings(&mut self) {
        self.read_defaults();
        for binding in &self.facts.bindings {
            let declared = binding.declared.as_deref();
            let known = declared
                .and_then(|declared| self.of_type(declared))
                .or_else(|| self.of_bound_value(binding));
            let root = self.root(binding.function);
            for (at, target) in binding.targets.iter().enumerate() {
                let name = target.join(".");
                if name.is_empty() {
                    continue;
                }
                match known {
                    // `conn, err := redis.Dial(...)`: only the first is the client, unless names were taken out of it.
                    Some(known) if at == 0 || is_client_name(target) => {
                        self.learn(root, binding, target, known)
                    }
                    None if is_something_else(&binding.value)
                        || self.is_server_inside(&binding.value)
                        || self.is_of_other(&binding.value)
                        || declared.is_some_and(is_plain_type) =>
                    {
                        self.others.insert((root, name));
                    }
                    _ => {}
                }
            }
        }
    }

    /// `miniredis.RunT(t)`, which is a server inside of a test and has methods that are named like commands.
    fn is_server_inside(&self, value: &Expr) -> bool {
        let Expr::Call(call) = value else {
            return false;
        };
        let of_package = |path: &[String]| path.first().is_some_and(|own| own == "miniredis");
        matches!(&self.facts.calls[call.0].receiver, Some(Expr::Path(path)) if of_package(path))
    }

    /// `new MongoClient(url)`: something of another store's.
    fn is_of_other(&self, value: &Expr) -> bool {
        let Expr::Call(made) = value else {
            return false;
        };
        let made = &self.facts.calls[made.0];
        made.constructs && is_other_store(&made.name.to_ascii_lowercase())
    }

    /// Parameters that are a client where nothing else is given: `pool: ConnectionPool.new { Redis.new }`.
    fn read_defaults(&mut self) {
        for own in &self.facts.defaults {
            let Some(id) = own.function else { continue };
            let function = &self.facts.functions[id.0];
            let known = self.known(&own.value, own.function, function.class);
            let known =
                known.filter(|own| own.sure == Sure::Resolved && own.shape != Shape::Module);
            let mut params = function.params.iter();
            if let Some(known) = known.filter(|_| params.any(|param| param.name == own.name)) {
                let place = (self.root(own.function), own.name.clone());
                self.names.entry(place).or_insert(known);
                // TypeScript's `constructor(private redis = new Redis())` is a field as well.
                if self.facts.language == Language::TypeScript && function.name == "constructor" {
                    put(&mut self.members, own.name.clone(), known);
                }
            }
        }
    }

    pub(super) fn learn(&mut self, root: Root, binding: &Binding, target: &[String], known: Known) {
        let name = target.join(".");
        self.others.remove(&(root, name.clone()));
        if target.len() > 1 {
            if let Some(last) = target.last() {
                put(&mut self.members, last.clone(), known);
            }
        } else if binding.function.is_none() && binding.class.is_some() {
            put(&mut self.members, name.clone(), known);
        }
        let place = if target.first().is_some_and(|first| first == "self") {
            None
        } else {
            root
        };
        let old = self.names.entry((place, name)).or_insert(known);
        // `redis = redis:new()`: the name of the library is a client's from there on.
        let made = old.shape == Shape::Module && known.shape != Shape::Module;
        if old.sure < known.sure || made && old.sure == known.sure {
            *old = known;
        }
    }

    pub(super) fn of_bound_value(&self, binding: &Binding) -> Option<Known> {
        let known = self.known(&binding.value, binding.function, binding.class)?;
        // A name that only looks like a client hands nothing on: its new name has to tell for itself.
        (known.sure >= Sure::Named).then_some(known)
    }

    /// The parameters of blocks that a client or pool is given to: `pool.with { |conn| ... }`.
    pub(super) fn read_lambdas(&mut self) {
        for call in &self.facts.calls {
            let known = self.of_giver(call).or_else(|| self.of_own_giver(call));
            let Some(known) = known else { continue };
            for arg in &call.args {
                let arg = match arg {
                    Expr::Named(_, inner) => inner,
                    other => other,
                };
                let Expr::Lambda(lambda) = arg else { continue };
                let function = &self.facts.functions[lambda.0];
                let root = self.root(Some(*lambda));
                if let Some(first) = function.params.first() {
                    self.names
                        .entry((root, first.name.clone()))
                        .or_insert(known);
                } else {
                    // Kotlin's and Elixir's blocks without a name for it.
                    self.names.entry((root, "it".to_owned())).or_insert(known);
                }
            }
        }
        for each in &self.facts.loops {
            let LoopKind::Each { names, iterable } = &each.kind else {
                continue;
            };
            let listed = matches!(iterable, Expr::Path(_) | Expr::Call(_) | Expr::List(_));
            let known = listed
                .then(|| self.known(iterable, each.function, None))
                .flatten();
            if let (Some(known), Some(name)) = (known, names.first())
                && known.sure == Sure::Resolved
                && known.shape != Shape::Module
                && (clients::telling(name).is_some() || is_node(name))
            {
                let root = self.root(each.function);
                self.names.entry((root, name.clone())).or_insert(Known {
                    cluster: false,
                    ..known
                });
            }
        }
    }

    /// Ruby's own method of a class around a client: `with { |store| ... }`.
    fn of_own_giver(&self, call: &Call) -> Option<Known> {
        let told = self.facts.language == Language::Ruby
            && self.library
            && call.receiver.is_none()
            && matches!(
                call.name.as_str(),
                "with" | "with_connection" | "with_client"
            );
        told.then_some(Known {
            sure: Sure::Named,
            shape: Shape::Client,
            cluster: false,
        })
    }

    pub(super) fn of_giver(&self, call: &Call) -> Option<Known> {
        const GIVERS: &[&str] = &[
            "with",
            "pipelined",
            "multi",
            "redis",
            "then",
            "tap",
            "pipeline",
            "transaction",
            "execute",
            "executePipelined",
            "withConnection",
            "using",
            "use",
            "watch",
            "run",
            "let",
            "also",
            "apply",
            "with_connection",
            "redis_pool",
            "executeInSession",
            "acquire",
            "withRedis",
            "with_redis",
            "flatMap",
            "map",
            "thenApply",
            "thenCompose",
            "scan_each_node",
            "each_node",
            "checkout",
            "transaction!",
            "on_redis",
            "executeWithStickyConnection",
        ];
        let name = call.name.as_str();
        let lower = name.to_ascii_lowercase();
        let told = ["redis", "jedis", "valkey"]
            .iter()
            .any(|word| lower.contains(word));
        if !GIVERS.contains(&name) && !told && !is_lender(name) {
            return None;
        }
        if call.receiver.is_none() && name == "then" {
            return None;
        }
        let sends = matches!(
            name,
            "pipelined" | "multi" | "pipeline" | "transaction" | "executePipelined"
        );
        let receiver = call.receiver.as_ref();
        let known = match receiver {
            Some(receiver) => self.known(receiver, call.function, call.class),
            None => None,
        };
        let known = known.filter(|known| known.sure >= Sure::Own).or_else(|| {
            let told = clients::telling(name)?;
            (told > Telling::Weak).then_some(Known {
                sure: if self.library || receiver.is_some() {
                    Sure::Resolved
                } else {
                    Sure::Named
                },
                shape: Shape::Client,
                cluster: false,
            })
        })?;
        let shape = if sends {
            Shape::Pipeline
        } else {
            Shape::Client
        };
        Some(Known { shape, ..known })
    }

    /// Functions of the file that return a client.
    pub(super) fn read_makers(&mut self) {
        for own in &self.facts.returned {
            let maker = own.function.and_then(|id| self.facts.functions.get(id.0));
            let Some(maker) = maker.filter(|maker| !maker.name.is_empty()) else {
                continue;
            };
            let class = maker.class;
            let known = match &own.value {
                Expr::Path(_) => self.known(&own.value, own.function, class),
                _ => None,
            };
            // `client()` that gives back `app.redis.clients.main`: two names say it.
            let told = clients::telling(&maker.name).is_some();
            let sure =
                |known: &Known| known.sure == Sure::Resolved || known.sure == Sure::Named && told;
            if let Some(known) = known.filter(sure) {
                let shape = client_of(known.shape);
                put(
                    &mut self.makers,
                    maker.name.clone(),
                    Known { shape, ..known },
                );
            }
        }
        for (at, call) in self.facts.calls.iter().enumerate() {
            if call.usage != Usage::Returned {
                continue;
            }
            let Some(known) = self.known(&Expr::Call(CallId(at)), call.function, call.class) else {
                continue;
            };
            let Some(name) = self.named_function(call.function) else {
                continue;
            };
            if known.sure == Sure::Resolved {
                put(
                    &mut self.makers,
                    name,
                    Known {
                        shape: client_of(known.shape),
                        ..known
                    },
                );
            }
        }
    }

    /// Parameters without a type, of functions that are given a client somewhere in the file.
    pub(super) fn read_handed(&mut self) {
        for call in self.facts.calls.iter().filter(|call| call.call_of_own()) {
            let named = self.functions_named(&call.name).iter();
            let mut fitting = named.filter(|id| {
                let own = &self.facts.functions[id.0];
                !own.lambda && own.params.len() >= call.args.len()
            });
            let (Some(&id), None) = (fitting.next(), fitting.next()) else {
                continue;
            };
            let own = &self.facts.functions[id.0];
            let itself = own
                .params
                .first()
                .is_some_and(|first| is_itself(&first.name));
            let params = own.params.iter().skip(usize::from(itself));
            let root = self.root(Some(id));
            for (param, arg) in params.zip(&call.args) {
                let known = match arg {
                    Expr::Path(_) | Expr::Call(_) if param.declared.is_none() => {
                        self.known(arg, call.function, call.class)
                    }
                    _ => None,
                };
                if let Some(known) = known
                    .filter(|known| known.sure == Sure::Resolved && known.shape != Shape::Module)
                {
                    self.names
                        .entry((root, param.name.clone()))
                        .or_insert(known);
                }
            }
        }
    }

    pub(super) fn read_promised(&mut self) {
        for call in self
            .facts
            .calls
            .iter()
            .filter(|call| call.name == "promisify")
        {
            let Some(Expr::Path(path)) = call.args.first() else {
                continue;
            };
            let Some((method, owner)) = path.split_last() else {
                continue;
            };
            let (Some(verb), Some(known)) = (
                verb::of_method(method),
                self.of_path(owner, call.function, call.class),
            ) else {
                continue;
            };
            if known.sure < Sure::Named && !self.library {
                continue;
            }
            let mut usage = &call.usage;
            while let Usage::Receiver(next) = usage {
                usage = &self.facts.calls[next.0].usage;
            }
            if let Usage::Bound(targets) = usage
                && let Some(name) = targets.first().and_then(|target| target.last())
            {
                self.promised.insert(name.clone(), verb);
            }
        }
    }
}

/// `useResource { it.get(key) }`, `WithClient(c => ...)`: what lends a connection says so.
fn is_lender(name: &str) -> bool {
    const FIRST: &[&str] = &["use", "using", "with"];
    const LENT: &[&str] = &["client", "commands", "conn", "connection", "resource"];
    let words = clients::words(name);
    let [first, .., last] = words.as_slice() else {
        return false;
    };
    FIRST.contains(&first.as_str()) && LENT.contains(&last.as_str())
}

/// The parameter that a method is called on, where a language writes it.
fn is_itself(name: &str) -> bool {
    matches!(name, "self" | "cls")
}

/// One of a cluster's own: `for (const node of cluster.nodes("master"))`.
fn is_node(name: &str) -> bool {
    let words = clients::words(name);
    let last = words.last().map_or("", String::as_str);
    matches!(last, "node" | "master" | "primary" | "shard" | "replica")
}
