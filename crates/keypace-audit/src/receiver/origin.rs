//! Where a value comes from: imports, constructors, declared types, fields, parameters and names, followed to a client.
//! Must not know commands' arguments, and must not judge.

mod conventions;
mod lending;
mod named;
mod reading;
mod said;
mod types;
mod usage;

use conventions::{is_nodes, speaks_of_redis};
use named::Named;

use std::collections::{HashMap, HashSet};

use crate::facts::{Binding, Call, CallId, Class, ClassId, Expr, Facts, FunctionId};
use crate::language::Language;
use crate::limits;
use crate::receiver::argument;
use crate::receiver::clients::{self, Telling};
use crate::receiver::elsewhere::Elsewhere;
use crate::receiver::modules;
use crate::receiver::shape::{
    Known, Shape, Sure, client_of, is_cluster, is_container, is_data_method, is_object,
    is_one_node, is_require, is_static_type, is_token, made_by, shape_of_method,
};
use crate::receiver::verb;

/// The scope that a name is seen in: the outermost function, and none for a file's top level.
type Root = Option<FunctionId>;

/// All that is known of a file's names.
#[derive(Debug)]
pub(crate) struct Origins<'a> {
    facts: &'a Facts,
    clients: &'a [String],
    /// The file imports a client library.
    pub library: bool,
    /// The file speaks of Redis at all.
    pub speaks: bool,
    names: HashMap<(Root, String), Known>,
    members: HashMap<String, Known>,
    makers: HashMap<String, Known>,
    /// Names that are something else for sure.
    others: HashSet<(Root, String)>,
    /// What other files of the tree export: by the name here.
    foreign: HashMap<String, Known>,
    /// What other files tell of this one's calls.
    pub elsewhere: Elsewhere<'a>,
    promised: HashMap<String, verb::Verb>,
    named: Named<'a>,
}

impl<'a> Origins<'a> {
    /// Follows all bindings of a file.
    pub(crate) fn of(
        facts: &'a Facts,
        text: &str,
        clients: &'a [String],
        foreign: HashMap<String, Known>,
    ) -> Self {
        let mut own = Self {
            facts,
            clients,
            library: false,
            speaks: speaks_of_redis(text),
            names: HashMap::new(),
            members: HashMap::new(),
            makers: HashMap::new(),
            others: HashSet::new(),
            foreign,
            elsewhere: Elsewhere::default(),
            promised: HashMap::new(),
            named: Named::of(facts),
        };
        own.read_imports();
        own.read_types();
        own.read_said(text);
        for _ in 0..limits::MAX_ORIGIN_ROUNDS {
            let before = (own.names.len(), own.members.len(), own.makers.len());
            own.read_bindings();
            own.read_lambdas();
            own.read_lenders();
            own.read_kept();
            own.read_makers();
            own.read_handed();
            if before == (own.names.len(), own.members.len(), own.makers.len()) {
                break;
            }
        }
        own.read_usage();
        own.read_promised();
        own
    }

    /// What an expression is; `None` where nothing points at Redis.
    pub(crate) fn known(
        &self,
        expr: &Expr,
        function: Option<FunctionId>,
        class: Option<ClassId>,
    ) -> Option<Known> {
        self.at_depth(expr, function, class, 0)
    }

    fn at_depth(
        &self,
        expr: &Expr,
        function: Option<FunctionId>,
        class: Option<ClassId>,
        depth: usize,
    ) -> Option<Known> {
        if depth > limits::MAX_ORIGIN_DEPTH {
            return None;
        }
        match expr {
            Expr::Path(path) => self.of_path(path, function, class),
            Expr::Call(call) => self.of_cluster(*call, self.of_call(*call, depth)),
            Expr::Index(inner, false) | Expr::Named(_, inner) => {
                self.at_depth(inner, function, class, depth + 1)
            }
            Expr::Member(inner, name) => {
                let known = self.at_depth(inner, function, class, depth + 1);
                known
                    .map(|known| self.member(known, std::slice::from_ref(name)))
                    .or_else(|| {
                        let told = clients::telling(name).filter(|told| *told > Telling::Weak)?;
                        let sure = if told == Telling::Own {
                            Sure::Own
                        } else {
                            Sure::Named
                        };
                        Some(Known {
                            sure,
                            shape: Shape::Client,
                            cluster: is_cluster(name),
                        })
                    })
            }
            _ => None,
        }
    }

    fn of_call(&self, id: CallId, depth: usize) -> Option<Known> {
        let call = self.facts.calls.get(id.0)?;
        let Some(receiver) = &call.receiver else {
            return self.of_plain_call(call);
        };
        if let Expr::Path(path) = receiver
            && self.is_framework_cache(path, &call.name)
        {
            return Some(Known {
                sure: Sure::Named,
                shape: Shape::Cache,
                cluster: false,
            });
        }
        let name = call.name.as_str();
        if self.is_library_made(call) {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Client,
                cluster: false,
            });
        }
        if let Some(known) = self.of_pool(call, depth) {
            return Some(known);
        }
        let Some(known) = self.at_depth(receiver, call.function, call.class, depth + 1) else {
            return self.of_method_name(call);
        };
        if is_nodes(call) || is_one_node(name) {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Client,
                cluster: false,
            });
        }
        if known.shape == Shape::Module {
            return Some(Known {
                shape: shape_of_method(name, Shape::Client),
                cluster: known.cluster || is_cluster(name),
                ..known
            });
        }
        // Data comes back from a command, a client from all else: `pool.get()`, `client.pipeline()`, `connection.sync()`.
        let data = verb::of_method(name).is_some()
            && !(call.args.iter().all(is_token) && matches!(name, "get" | "Get" | "scan"));
        if data || is_data_method(name) || is_object(self.facts.language, name) {
            return None;
        }
        Some(Known {
            shape: shape_of_method(name, known.shape),
            ..known
        })
    }

    fn of_plain_call(&self, call: &Call) -> Option<Known> {
        let name = call.name.as_str();
        let root = self.root(call.function);
        let found = self
            .names
            .get(&(root, name.to_owned()))
            .or_else(|| self.names.get(&(None, name.to_owned())));
        if let Some(known) = found {
            return Some(Known {
                shape: made_by(name, known.shape),
                cluster: known.cluster || is_cluster(name),
                ..*known
            });
        }
        if let Some(known) = self.makers.get(name) {
            return Some(*known);
        }
        if let Some(known) = self.foreign.get(name) {
            return Some(Known {
                shape: client_of(known.shape),
                ..*known
            });
        }
        if call.constructs
            && let Some(known) = self.of_type(name)
        {
            return Some(Known {
                shape: client_of(known.shape),
                ..known
            });
        }
        if is_require(name)
            && let Some(Expr::Text(pieces)) = call.args.first()
            && let [crate::facts::Piece::Text(module)] = pieces.as_slice()
            && modules::is_library(self.facts.language, module)
        {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Module,
                cluster: false,
            });
        }
        self.of_method_name(call)
    }

    /// `getRedis()`, `get_redis_connection("default")`, `app('redis')`, `this.redis()`: a factory by its name.
    fn of_method_name(&self, call: &Call) -> Option<Known> {
        let name = call.name.as_str();
        if let Some(known) = self.makers.get(name) {
            return Some(*known);
        }
        let word = call.args.first().and_then(argument::literal);
        let text_is_redis = word.is_some_and(|word| {
            word.eq_ignore_ascii_case("redis") || word.starts_with("snc_redis.")
        });
        if text_is_redis
            && matches!(
                name,
                "app"
                    | "get"
                    | "make"
                    | "resolve"
                    | "store"
                    | "driver"
                    | "cache"
                    | "connection"
                    | "createObject"
            )
        {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Client,
                cluster: false,
            });
        }
        let told = clients::telling(name)?;
        (told > Telling::Weak).then_some(Known {
            sure: if told == Telling::Own {
                Sure::Own
            } else {
                Sure::Named
            },
            shape: shape_of_method(name, Shape::Client),
            cluster: is_cluster(name),
        })
    }

    fn of_path(
        &self,
        path: &[String],
        function: Option<FunctionId>,
        class: Option<ClassId>,
    ) -> Option<Known> {
        if is_container(self.facts.language, path) {
            return None;
        }
        let root = self.root(function);
        let joined = path.join(".");
        if self
            .clients
            .iter()
            .any(|own| joined == *own || joined.ends_with(&format!(".{own}")))
        {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Client,
                cluster: false,
            });
        }
        if path.len() == 1 && path[0] == "self" {
            let extended = self.names.get(&(root, joined)).copied();
            return extended.or_else(|| self.of_self(class));
        }
        for len in (1..=path.len()).rev() {
            let prefix = path[..len].join(".");
            if len == 1 && prefix == "self" {
                break;
            }
            for place in [root, None] {
                let Some(known) = self.names.get(&(place, prefix.clone())) else {
                    continue;
                };
                return Some(self.member(*known, &path[len..]));
            }
            if self.others.contains(&(root, prefix.clone()))
                || self.others.contains(&(None, prefix.clone()))
            {
                return None;
            }
        }
        let last = path.last()?;
        let is_member = path.len() > 1 || self.has_implicit_self();
        if is_member && let Some(known) = self.members.get(last) {
            return Some(*known);
        }
        if path.len() > 1
            && let Some(known) = self.members.get(&path[path.len() - 2])
        {
            return Some(*known);
        }
        if let Some(known) = self.foreign.get(last).or_else(|| self.foreign.get(&joined)) {
            return Some(Known {
                shape: client_of(known.shape),
                ..*known
            });
        }
        if is_static_type(self.facts.language, path, self.library) || self.is_own_client(path) {
            return Some(Known {
                sure: Sure::Resolved,
                shape: Shape::Client,
                cluster: is_cluster(last),
            });
        }
        self.of_name(path)
    }

    fn of_name(&self, path: &[String]) -> Option<Known> {
        if matches!(path, [first, last] if first == "Rails" && last == "cache") {
            return Some(Known {
                sure: Sure::Named,
                shape: Shape::Cache,
                cluster: false,
            });
        }
        let told = path
            .iter()
            .rev()
            .filter(|name| *name != "self")
            .find_map(|name| clients::telling(name).filter(|told| *told > Telling::Weak));
        let told = told.or_else(|| clients::telling(path.last()?))?;
        let last = path.last()?;
        let sure = match told {
            Telling::Weak => Sure::Weak,
            Telling::Own => Sure::Own,
            Telling::Named => Sure::Named,
        };
        let server =
            self.facts.language == Language::CSharp && last.to_ascii_lowercase().contains("server");
        let shape = if server {
            Shape::Server
        } else {
            shape_of_method(last, Shape::Client)
        };
        Some(Known {
            sure,
            shape,
            cluster: is_cluster(last),
        })
    }

    fn member(&self, known: Known, rest: &[String]) -> Known {
        // Go's `s.client`, where `s` is of a class that is named after Redis.
        let own = rest.last().and_then(|last| self.members.get(last));
        if let Some(own) = own.filter(|own| own.sure > known.sure) {
            return *own;
        }
        match rest.last() {
            None => known,
            Some(last) => Known {
                cluster: known.cluster || (known.shape == Shape::Module && is_cluster(last)),
                ..known
            },
        }
    }

    pub(super) fn has_implicit_self(&self) -> bool {
        matches!(
            self.facts.language,
            Language::Java | Language::Kotlin | Language::CSharp | Language::Ruby
        )
    }

    /// The functions of a name, in the order of the file.
    pub(crate) fn functions_named(&self, name: &str) -> &[FunctionId] {
        self.named.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The file's classes of a name.
    pub(crate) fn classes_named(&self, name: &str) -> &[&'a Class] {
        self.named.classes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The bindings that give something to a name.
    pub(crate) fn bindings_of(&self, path: &[String]) -> &[&'a Binding] {
        self.named
            .bindings
            .get(&path.join("."))
            .map_or(&[], Vec::as_slice)
    }

    /// The outermost function around a function.
    pub(crate) fn root(&self, function: Option<FunctionId>) -> Root {
        self.facts.root(function)
    }

    /// The innermost function around with a name.
    pub(crate) fn named_function(&self, function: Option<FunctionId>) -> Option<String> {
        let mut at = function;
        while let Some(id) = at {
            let own = self.facts.functions.get(id.0)?;
            if !own.name.is_empty() {
                return Some(own.name.clone());
            }
            at = own.parent;
        }
        None
    }

    /// Whether a module is imported, by the start of its name.
    pub(crate) fn imports(&self, start: &str) -> bool {
        self.facts
            .imports
            .iter()
            .any(|import| import.module.starts_with(start))
    }

    /// The command that a function was made of: `const keysAsync = promisify(client.keys).bind(client)`.
    pub(crate) fn promised(&self, name: &str) -> Option<verb::Verb> {
        self.promised.get(name).copied()
    }

    /// What the file gives to others: names at its top level, members, and functions that return a client.
    pub(crate) fn exports(&self) -> Vec<(String, Known)> {
        let top = self.names.iter().filter(|((root, name), known)| {
            root.is_none() && known.shape != Shape::Module && !name.contains('.')
        });
        let mut out: Vec<(String, Known)> = top
            .map(|((_, name), known)| (name.clone(), *known))
            .collect();
        out.extend(
            self.members
                .iter()
                .map(|(name, known)| (name.clone(), *known)),
        );
        out.extend(
            self.makers
                .iter()
                .map(|(name, known)| (name.clone(), *known)),
        );
        // A lambda has no name that another file could write.
        out.retain(|(name, known)| known.sure == Sure::Resolved && !name.is_empty());
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out.dedup_by(|a, b| a.0 == b.0);
        out
    }
}

fn put(map: &mut HashMap<String, Known>, name: String, known: Known) {
    let old = map.entry(name).or_insert(known);
    if old.sure < known.sure {
        *old = known;
    }
}
