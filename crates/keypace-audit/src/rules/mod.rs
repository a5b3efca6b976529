//! All rules over one file: what each of them says of its facts.
//! Must not read files, and must not sort, count or show.

mod blocking_big_read;
mod catch_all_pattern;
mod del_for_bulk;
mod flow_names;
mod flush_command;
mod found;
mod framework_default_keys;
mod giant_multikey;
mod inner_scripts;
mod inner_shell;
mod keys_command;
mod keys_in_lua;
mod n_plus_one_read;
mod scan_cursor_as_number;
mod scan_cursor_ignored;
mod scan_on_cluster_client;
mod scan_without_count;
mod scene;
mod unbounded_scan_collect;
mod unscoped_listing;
mod xargs_unsafe;

use std::collections::HashMap;

use crate::facts::{Facts, Function};
use crate::receiver::elsewhere::{Elsewhere, Method, are_called_by_type};
use crate::receiver::origin::Origins;
use crate::receiver::shape::Known;
use crate::receiver::verb::{self, Verb};
use crate::receiver::{Command, Commands};
use crate::report::{Confidence, Hit};
use crate::rule::Rule;

use found::Found;
pub(crate) use found::Helper;
pub(crate) use scene::is_aside;
use scene::{Host, Scene, Sink};

/// A file, as the rules see it.
pub(crate) struct Subject<'a> {
    pub facts: &'a Facts,
    pub text: &'a str,
    /// Relative to the PATH given, with `/`.
    pub path: &'a str,
    /// Names of the config's `[audit] wrappers`, such as `cache.redis`: receivers that are Redis clients.
    pub clients: &'a [String],
}

/// What a rule does with a scene.
type Judge = fn(&Scene<'_>, &mut Sink);

/// All rules, in the order in which they are listed.
pub fn all() -> &'static [Rule] {
    &ALL
}

/// The rule with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    all().iter().find(|rule| rule.id == id)
}

/// Every rule's description, in the order in which they are listed.
pub(crate) static ALL: [Rule; 16] = [
    keys_command::RULE,
    keys_in_lua::RULE,
    flush_command::RULE,
    unbounded_scan_collect::RULE,
    scan_cursor_ignored::RULE,
    scan_cursor_as_number::RULE,
    scan_without_count::RULE,
    scan_on_cluster_client::RULE,
    catch_all_pattern::RULE,
    unscoped_listing::RULE,
    n_plus_one_read::RULE,
    giant_multikey::RULE,
    del_for_bulk::RULE,
    blocking_big_read::RULE,
    framework_default_keys::RULE,
    xargs_unsafe::RULE,
];

const JUDGES: [Judge; 16] = [
    keys_command::judge,
    keys_in_lua::judge,
    flush_command::judge,
    unbounded_scan_collect::judge,
    scan_cursor_ignored::judge,
    scan_cursor_as_number::judge,
    scan_without_count::judge,
    scan_on_cluster_client::judge,
    catch_all_pattern::judge,
    unscoped_listing::judge,
    n_plus_one_read::judge,
    giant_multikey::judge,
    del_for_bulk::judge,
    blocking_big_read::judge,
    framework_default_keys::judge,
    xargs_unsafe::judge,
];

/// What a file gives to others of its tree.
#[derive(Default)]
pub(crate) struct Offers {
    /// Clients by the names that another file writes, where a client's library is brought in.
    pub clients: Vec<(String, Known)>,
    /// Functions that are named like KEYS, and walk by SCAN, or like a flush, and delete what they know.
    pub walkers: Vec<String>,
    /// Functions that are named like a flush, and are one.
    pub flushers: Vec<String>,
    /// Functions that find keys, or do something with the one that they are given.
    pub helpers: Vec<Helper>,
    /// Functions that send the words they are given, by their names.
    pub senders: Vec<String>,
    /// Methods that stand for a command, by the class that they are called on.
    pub methods: Vec<Method>,
}

/// Everything that the rules find in a file, in any order, and what it offers to others.
pub(crate) fn check(subject: &Subject<'_>) -> (Vec<Hit>, Offers) {
    let mut offers = Offers::default();
    let hits = all_of(
        subject,
        HashMap::new(),
        Elsewhere::default(),
        Some(&mut offers),
    );
    (hits, offers)
}

/// The same, with clients that other files of the tree make, and calls of functions there that are known; with the
/// functions of the file that turn out to do something with keys by those.
pub(crate) fn check_knowing<'a>(
    subject: &Subject<'a>,
    foreign: HashMap<String, Known>,
    elsewhere: Elsewhere<'a>,
) -> (Vec<Hit>, Vec<Helper>) {
    let mut offers = Offers::default();
    let knows = !elsewhere.meant.is_empty() && !are_called_by_type(subject.facts.language);
    let hits = all_of(subject, foreign, elsewhere, knows.then_some(&mut offers));
    (hits, offers.helpers)
}

fn all_of<'a>(
    subject: &Subject<'a>,
    foreign: HashMap<String, Known>,
    elsewhere: Elsewhere<'a>,
    offers: Option<&mut Offers>,
) -> Vec<Hit> {
    let mut sink = Sink::default();
    let mut origins = Origins::of(subject.facts, subject.text, subject.clients, foreign);
    origins.elsewhere = elsewhere;
    let host = Host {
        language: subject.facts.language,
        base: 0,
        function: None,
        inner: false,
    };
    judge(subject, &origins, host, &mut sink, offers);
    inner_scripts::judge(subject, &mut sink);
    inner_shell::judge(subject, &mut sink);
    sink.hits
}

/// All rules over one text.
fn judge(
    subject: &Subject<'_>,
    origins: &Origins<'_>,
    host: Host,
    sink: &mut Sink,
    offers: Option<&mut Offers>,
) {
    let commands = Commands::of(subject.facts, origins);
    let found = Found::of(subject.facts, &commands, origins, subject.text);
    let scene = Scene {
        language: subject.facts.language,
        facts: subject.facts,
        text: subject.text,
        path: subject.path,
        commands: &commands,
        origins,
        found: &found,
        host,
    };
    for judge in JUDGES {
        judge(&scene, sink);
    }
    if let Some(offers) = offers {
        // Those are known by the class that a call is made on.
        let typed = are_called_by_type(subject.facts.language);
        *offers = Offers {
            clients: if origins.library {
                origins.exports()
            } else {
                Vec::new()
            },
            walkers: walkers(subject.facts, &commands, &found),
            flushers: flushers(subject.facts, &sink.hits),
            helpers: if typed { Vec::new() } else { found.helpers() },
            methods: found.methods(),
            senders: commands.senders.clone(),
        };
    }
}

/// Functions that are named like KEYS and have a SCAN in their body, and no KEYS; those named like a flush that work by
/// other commands, where none of that name in the file is known to flush.
fn walkers(facts: &Facts, commands: &Commands, found: &Found<'_>) -> Vec<String> {
    let named = |wanted: &'static [Verb]| {
        let of = move |own: &&Function| {
            verb::of_method(&own.name).is_some_and(|verb| wanted.contains(&verb))
        };
        facts.functions.iter().filter(of)
    };
    let runs = |own: &Function, wanted: &dyn Fn(&Command) -> bool| {
        commands.all.iter().any(|command| {
            let at = facts.calls[command.call.0].at;
            let inside = own.span.start <= at.start && at.end <= own.span.end;
            inside && wanted(command)
        })
    };
    let scans = |own: &Command| matches!(own.verb, Verb::Scan | Verb::ScanIter);
    let walks = |own: &Function| runs(own, &scans) || found.walks(&own.name);
    let walk =
        named(&[Verb::Keys]).filter(|own| walks(own) && !runs(own, &|own| own.verb == Verb::Keys));
    let other = |own: &Command| !own.verb.flushes();
    let spare = named(&[Verb::FlushAll, Verb::FlushDb])
        .filter(|own| runs(own, &other) && !runs(own, &|own| own.verb.flushes()));
    walk.chain(spare).map(|own| own.name.clone()).collect()
}

/// Functions that are named like a flush and send one for sure.
fn flushers(facts: &Facts, hits: &[Hit]) -> Vec<String> {
    let sure =
        |hit: &&Hit| hit.rule == flush_command::RULE.id && hit.confidence == Confidence::High;
    let around = |hit: &Hit| Some(facts.functions.get(hit.function?.0)?.name.clone());
    let named = |name: &String| verb::of_method(name).is_some_and(Verb::flushes);
    let sure = hits.iter().filter(sure);
    sure.filter_map(around).filter(named).collect()
}
