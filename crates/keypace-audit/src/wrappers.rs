//! What files of a tree tell each other: functions whose body runs KEYS, walks in its stead, finds keys or works on one,
//! and clients that one file makes for others.
//! Must not read files.

mod elsewhere;
mod index;

use std::collections::{HashMap, HashSet};

use crate::facts::{Call, Class, Expr, FunctionId, Import};
use crate::language::Language;
use crate::limits;
use crate::receiver::clients;
use crate::receiver::elsewhere::{Elsewhere, Meant, Method, Methods};
use crate::receiver::shape::Known;
use crate::receiver::verb::{self, Verb};
use crate::report::{Confidence, Hit};
use crate::rules::{self, Helper, Offers, Subject};

use index::Index;

/// What one file offers to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapper {
    /// The name that another file writes.
    pub name: String,
    /// The file's name without its ending, or its folder's: what an import ends with.
    modules: [String; 2],
    kind: Kind,
}

/// What it is that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A client. The classes of its file have it as a member, and those that extend them as well.
    Client(Known, Vec<String>),
    /// A class, whose method of this name runs KEYS.
    ClassRuns(String),
    /// A function that runs KEYS.
    Runs,
    /// A function, of a class or of its file, that finds keys or does something with the one that it is given.
    Does(Option<String>, Meant),
    /// A function of a class that sends the words of a command that it is given.
    Sends(String),
    /// Something of a class of its file that does so: `store = Store(url)`.
    Instance(String),
    /// A function that is named like KEYS and walks by SCAN, or like a flush and deletes what it knows.
    Walks,
    /// A function that is named like a flush and is one.
    Flushes,
}

/// Those that a file defines. Asked once for every file, when its own findings are known.
pub(crate) fn defined(subject: &Subject<'_>, hits: &[Hit], offers: Offers) -> Vec<Wrapper> {
    let modules = modules(subject.path);
    let mut out: Vec<Wrapper> = Vec::new();
    let mut offer = |name: String, kind: Kind| {
        let own = Wrapper {
            name,
            modules: modules.clone(),
            kind,
        };
        if out.len() < limits::MAX_OFFERS_PER_FILE && !out.contains(&own) {
            out.push(own);
        }
    };
    for hit in hits
        .iter()
        .filter(|hit| hit.rule == "keys-command" && hit.confidence > Confidence::Low)
    {
        if let Some(name) = named(subject, hit.function).filter(|name| is_distinctive(name)) {
            offer(name, Kind::Runs);
        }
        if let Some((class, method)) = method(subject, hit.function) {
            offer(class, Kind::ClassRuns(method));
        }
    }
    for name in offers.walkers {
        offer(name, Kind::Walks);
    }
    for name in offers.flushers {
        offer(name, Kind::Flushes);
    }
    for (class, name) in elsewhere::of_classes(subject.facts, offers.senders) {
        offer(name, Kind::Sends(class));
    }
    let mut classes = HashSet::new();
    for own in offers.helpers {
        let (verb, place) = (own.verb, own.place);
        if let Some(class) = &own.class {
            classes.insert(class.clone());
        }
        offer(own.name, Kind::Does(own.class, Meant { verb, place }));
    }
    for (name, class) in elsewhere::instances(subject.facts, &classes) {
        offer(name, Kind::Instance(class));
    }
    if !offers.clients.is_empty() {
        // A module around classes has no members.
        let around = |own: &&Class| {
            let mut others = subject.facts.classes.iter();
            let inside = |it: &Class| it.span.start > own.span.start && it.span.end < own.span.end;
            subject.facts.language != Language::Ruby || !others.any(inside)
        };
        let classes = subject.facts.classes.iter().filter(around);
        let classes: Vec<String> = classes.map(|class| class.name.clone()).collect();
        for (name, known) in offers.clients {
            offer(name, Kind::Client(known, classes.clone()));
        }
    }
    out
}

/// The wrappers of all files of a tree.
pub(crate) struct Wrappers {
    found: Vec<Wrapper>,
    methods: Methods,
    index: Index,
}

impl Wrappers {
    /// Puts together what the files define, in any order.
    pub(crate) fn new(found: Vec<Wrapper>, methods: Vec<Method>) -> Self {
        Self::of(found, Methods::new(methods))
    }

    fn of(mut found: Vec<Wrapper>, methods: Methods) -> Self {
        // In one order, whichever thread came first.
        found.sort_by(|a, b| order(a).cmp(&order(b)));
        Self {
            index: Index::of(&found),
            found,
            methods,
        }
    }

    /// Names of which a file has to have one to be asked again.
    pub(crate) fn words(&self) -> Vec<String> {
        let names: HashSet<&str> = words_of(&self.found)
            .chain(self.methods.classes())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Everything that the rules find in a file, knowing the tree: it replaces what the first pass found there. Asked in a
    /// second pass, for files that have one of [`Self::words`], also such as never say *redis*.
    pub(crate) fn recheck(&self, subject: &Subject<'_>) -> (Vec<Hit>, Vec<Wrapper>) {
        let (meant, sends) = self.meant(subject);
        let elsewhere = Elsewhere {
            meant,
            sends,
            methods: Some(&self.methods),
            text: subject.text,
        };
        let (mut hits, helpers) = rules::check_knowing(subject, self.foreign(subject), elsewhere);
        let deeper = self.deeper(subject, helpers);
        // Elixir's clients have no functions of such names, but Exredis's.
        let of_client = |own: &Import| own.module.starts_with("Exredis");
        let modules_of_own = subject.facts.language == Language::Elixir
            && !subject.facts.imports.iter().any(of_client);
        // What is only guessed to be a client is one of the tree's own, whose method of this name does it otherwise.
        hits.retain(|hit| {
            let name = subject
                .text
                .get(hit.at.start..hit.at.end)
                .unwrap_or_default();
            !matches!(hit.rule, "keys-command" | "flush-command")
                || hit.confidence == Confidence::High && !modules_of_own
                || !self.index.walks.contains(name)
                || self.index.flushes.contains(name)
        });
        self.make_sure(subject, &mut hits);
        let told: HashSet<usize> = hits.iter().map(|hit| hit.at.start).collect();
        // What tests call they know.
        let aside = rules::is_aside(subject.path);
        for call in subject.facts.calls.iter().filter(|_| !aside) {
            let known = self.index.runs.contains(&call.name) && !call.args.is_empty();
            let itself = named(subject, call.function).as_deref() == Some(call.name.as_str());
            let told = told.contains(&call.at.start);
            let Some(rule) = rules::ALL
                .iter()
                .find(|rule| rule.id == "keys-command")
                .filter(|_| known && !itself && !told)
            else {
                continue;
            };
            hits.push(Hit {
                rule: rule.id,
                severity: rule.severity.lowered(),
                confidence: Confidence::Low,
                at: call.at,
                call: call.span,
                function: call.function,
                message: format!("{} runs KEYS", call.name),
                fix: (rule.fix)(subject.facts.language),
            });
        }
        (hits, deeper)
    }

    /// Functions of a file that do something with keys by those of others, and aren't known yet.
    fn deeper(&self, subject: &Subject<'_>, helpers: Vec<Helper>) -> Vec<Wrapper> {
        let offers = Offers {
            helpers,
            ..Offers::default()
        };
        let mut own = defined(subject, &[], offers);
        own.retain(|own| matches!(own.kind, Kind::Does(..)) && !self.has(own));
        own
    }

    /// Whether a wrapper is one of those found.
    fn has(&self, own: &Wrapper) -> bool {
        let first = self.found.partition_point(|it| order(it) < order(own));
        let same = self.found[first..].iter();
        same.take_while(|it| order(it) == order(own))
            .any(|it| it == own)
    }

    /// The same with those, and the names of which a file has to have one to be asked once more.
    pub(crate) fn with(self, deeper: Vec<Wrapper>) -> (Self, Vec<String>) {
        let words = words_of(&deeper).map(str::to_owned).collect();
        let mut found = self.found;
        found.extend(deeper);
        (Self::of(found, self.methods), words)
    }

    /// Clients of other files, by the names that this file's imports give them.
    fn foreign(&self, subject: &Subject<'_>) -> HashMap<String, Known> {
        let mut out = HashMap::new();
        for import in &subject.facts.imports {
            let last = last_of(subject.facts.language, &import.module);
            for wrapper in self.at(&self.index.clients_of_module, last) {
                let Kind::Client(client, _) = wrapper.kind else {
                    continue;
                };
                for (there, here) in &import.names {
                    if *there == wrapper.name {
                        out.insert(here.clone(), client);
                    } else if there.is_empty() {
                        out.insert(format!("{here}.{}", wrapper.name), client);
                    }
                }
                out.insert(format!("{last}.{}", wrapper.name), client);
            }
        }
        // `store = Store()`, and what it has: `store.client`.
        let asked = !self.index.clients_of_class.is_empty();
        let typed = asked.then(|| elsewhere::typed(subject.facts));
        for (here, class) in typed.into_iter().flatten() {
            for wrapper in self.at(&self.index.clients_of_class, class) {
                if let Kind::Client(client, _) = wrapper.kind {
                    let member = format!("{here}.{}", wrapper.name);
                    out.entry(member).or_insert(client);
                }
            }
        }
        let classes = subject.facts.classes.iter();
        let named = classes.flat_map(|own| own.bases.iter().chain([&own.name]));
        let mut places: Vec<usize> = named
            .filter_map(|class| self.index.clients_of_class.get(class))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        for wrapper in places.into_iter().map(|place| &self.found[place]) {
            let Kind::Client(client, classes) = &wrapper.kind else {
                continue;
            };
            let has = |name: &String| classes.contains(name);
            // One class in several files; elsewhere another file's class of that name is another.
            let parts = modules(subject.path) == wrapper.modules
                || matches!(
                    subject.facts.language,
                    Language::CSharp | Language::Ruby | Language::Rust | Language::Go
                );
            let shares = |class: &Class| parts && has(&class.name) || class.bases.iter().any(has);
            if subject.facts.classes.iter().any(shares) {
                out.entry(wrapper.name.clone()).or_insert(*client);
            }
        }
        out
    }

    /// Those found that an index holds for a name.
    fn at<'w>(
        &'w self,
        index: &'w HashMap<String, Vec<usize>>,
        name: &str,
    ) -> impl Iterator<Item = &'w Wrapper> + Clone {
        let places = index.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| &self.found[*place])
    }

    /// What was only told by a name is sure where the receiver's class is one of the tree, and its method runs KEYS.
    fn make_sure(&self, subject: &Subject<'_>, hits: &mut [Hit]) {
        for call in &subject.facts.calls {
            if verb::of_method(&call.name) != Some(Verb::Keys) {
                continue;
            }
            let Some(class) = class_of(subject, call) else {
                continue;
            };
            let methods = self.index.classes_that_run.get(class);
            if !methods.is_some_and(|methods| methods.contains(&call.name)) {
                continue;
            }
            let here = |hit: &&mut Hit| hit.at.start == call.at.start;
            for hit in hits.iter_mut().filter(here) {
                hit.confidence = Confidence::High;
            }
        }
    }
}

/// The class that a call's receiver was declared as: a parameter, a field or a name with a type.
fn class_of<'s>(subject: &'s Subject<'_>, call: &Call) -> Option<&'s str> {
    let Some(Expr::Path(path)) = &call.receiver else {
        return None;
    };
    let facts = subject.facts;
    let name = path.last()?;
    let function = call.function.and_then(|id| facts.functions.get(id.0));
    let params = function.into_iter().flat_map(|own| &own.params);
    let fields = facts.classes.iter().flat_map(|own| &own.fields);
    let param = params.chain(fields).find(|own| own.name == *name);
    let bound = facts.bindings.iter().find(|own| {
        own.declared.is_some() && own.targets.first().and_then(|target| target.last()) == Some(name)
    });
    let declared = param.and_then(|own| own.declared.as_deref());
    let declared = declared.or_else(|| bound?.declared.as_deref())?;
    let mut words = declared.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.rfind(|word| !word.is_empty())
}

/// The class and the method that a function is.
fn method(subject: &Subject<'_>, function: Option<FunctionId>) -> Option<(String, String)> {
    let mut own = subject.facts.functions.get(function?.0)?;
    while own.name.is_empty() {
        own = subject.facts.functions.get(own.parent?.0)?;
    }
    let class = subject.facts.classes.get(own.class?.0)?;
    Some((class.name.clone(), own.name.clone()))
}

impl Wrapper {
    /// What an import of its file ends with: the file's name, or its folder's where it is the folder's own file.
    fn module(&self) -> &str {
        let [stem, folder] = &self.modules;
        if matches!(stem.as_str(), "index" | "mod" | "lib" | "init") {
            folder
        } else {
            stem
        }
    }
}

fn order(own: &Wrapper) -> (&str, &[String; 2]) {
    (&own.name, &own.modules)
}

/// What another file writes of each, at least.
fn words_of(found: &[Wrapper]) -> impl Iterator<Item = &str> {
    found.iter().map(|wrapper| match &wrapper.kind {
        Kind::Does(Some(class), _) | Kind::Sends(class) => elsewhere::short(class),
        Kind::Does(None, _) if !is_telling(&wrapper.name) => wrapper.module(),
        _ => wrapper.name.as_str(),
    })
}

/// What an import ends with: `cache` of `../cache/cache.service.js`, `redis` of `app.db.redis`.
fn last_of(language: Language, module: &str) -> &str {
    let ends: &[char] = match language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => &['/'],
        _ => &['/', '.', '\\', ':'],
    };
    let last = module.rsplit(ends).next().unwrap_or(module);
    last.split('.').next().unwrap_or(last)
}

/// What an import of a file may end with: its name without the ending, and its folder's.
fn modules(path: &str) -> [String; 2] {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).to_owned();
    [stem, parts.next().unwrap_or_default().to_owned()]
}

/// The innermost function with a name.
fn named(subject: &Subject<'_>, function: Option<FunctionId>) -> Option<String> {
    let mut at = function;
    while let Some(id) = at {
        let own = subject.facts.functions.get(id.0)?;
        if !own.name.is_empty() {
            return Some(own.name.clone());
        }
        at = own.parent;
    }
    None
}

/// A name that other code hardly has by chance: `clear_by_prefix`, `deleteByPattern`, and not `run` or `keys`.
fn is_distinctive(name: &str) -> bool {
    let words = clients::words(name);
    let telling = [
        "key", "keys", "pattern", "prefix", "redis", "cache", "caches", "session", "sessions",
        "matching", "wildcard",
    ];
    verb::of_method(name).is_none()
        && words.len() > 1
        && words.iter().any(|word| telling.contains(&word.as_str()))
}

/// A name that few files have: `load_session`, `getJob`, and not `get`.
fn is_telling(name: &str) -> bool {
    verb::of_method(name).is_none() && clients::words(name).len() > 1
}
