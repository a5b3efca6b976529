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

use crate::facts::Facts;
use crate::receiver::Commands;
use crate::receiver::elsewhere::{Elsewhere, Method};
use crate::receiver::origin::Origins;
use crate::receiver::shape::Known;
use crate::report::Hit;
use crate::rule::Rule;

use found::Found;
pub(crate) use found::Helper;
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

/// Everything that the rules find in a file, in any order, and what its methods do for other files.
pub(crate) fn check(subject: &Subject<'_>) -> (Vec<Hit>, Vec<Method>) {
    check_knowing(subject, HashMap::new(), Elsewhere::default())
}

/// Functions of a file that find keys, or do something with the one that they are given.
pub(crate) fn helpers(subject: &Subject<'_>, origins: &Origins<'_>) -> Vec<Helper> {
    let commands = Commands::of(subject.facts, origins);
    Found::of(subject.facts, &commands, origins, subject.text).helpers()
}

/// The same, with clients that other files of the tree make, and what their functions do.
pub(crate) fn check_knowing<'a>(
    subject: &Subject<'a>,
    foreign: HashMap<String, Known>,
    elsewhere: Elsewhere<'a>,
) -> (Vec<Hit>, Vec<Method>) {
    let mut sink = Sink::default();
    let mut origins = Origins::of(subject.facts, subject.text, subject.clients, foreign);
    origins.elsewhere = elsewhere;
    let host = Host {
        language: subject.facts.language,
        base: 0,
        function: None,
        inner: false,
    };
    let methods = judge(subject, &origins, host, &mut sink);
    inner_scripts::judge(subject, &mut sink);
    inner_shell::judge(subject, &mut sink);
    (sink.hits, methods)
}

/// All rules over one text, and what its methods do for other files.
fn judge(subject: &Subject<'_>, origins: &Origins<'_>, host: Host, sink: &mut Sink) -> Vec<Method> {
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
    found.methods()
}
