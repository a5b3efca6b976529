//! `scan-on-cluster-client`: SCAN or KEYS through a client of a cluster reaches one node.
//! Must not judge clients that visit every node by themselves.

use super::scene::{Scene, Sink};
use crate::language::Language;
use crate::receiver::verb::Verb;
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "scan-on-cluster-client",
    severity: Severity::Medium,
    title: "SCAN through a cluster's client sees one node",
    why: "SCAN has no key, so a cluster's client sends it to some node, mostly another one at each step. A cursor belongs to \
          the node that gave it: keys are missed, found twice, or the walk never ends.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Go => {
            "walk each primary by itself: ForEachMaster(ctx, func(ctx, node) { node.Scan(...) })"
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            "walk each primary by itself: cluster.nodes(\"master\") or cluster.masters"
        }
        Language::Php => {
            "walk each primary by itself: foreach ($cluster->_masters() as $node) with scan($it, $node, ...)"
        }
        _ => "walk each primary by itself, with a cursor of its own",
    }
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    for command in &scene.commands.all {
        let scans = match command.verb {
            Verb::Scan => true,
            Verb::ScanIter => matches!(
                scene.language,
                Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Rust
            ),
            _ => false,
        };
        // Lettuce visits every node; phpredis takes the node as an argument.
        let whole = matches!(
            scene.language,
            Language::Php | Language::Java | Language::Kotlin | Language::CSharp | Language::Shell
        ) && !scene.origins.imports("redis.clients");
        // So does valkey-glide, whose cursor is an object of its own.
        let whole = whole
            || ["glide", "@valkey/valkey-glide"]
                .iter()
                .any(|own| scene.origins.imports(own));
        if !scans || whole || !command.known.cluster {
            continue;
        }
        let call = scene.call(command);
        let around = scene
            .origins
            .named_function(call.function)
            .is_some_and(|name| name.to_ascii_lowercase().contains("node"));
        let confidence = if around {
            Confidence::Low
        } else {
            command.confidence
        };
        let message =
            "a cluster's client sends SCAN to one node at a time, and cursors don't fit another"
                .to_owned();
        sink.at(scene, &RULE, call, confidence, RULE.severity, message);
    }
}
