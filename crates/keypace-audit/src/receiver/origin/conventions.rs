//! Clients that a library's or a framework's own convention gives, under names that tell nothing.
//! Must not read bindings: `reading` does.

use super::Origins;
use crate::facts::{Call, CallId, Expr, Usage};
use crate::language::Language;
use crate::receiver::argument;
use crate::receiver::shape::{Known, Sure, client_of};

impl Origins<'_> {
    /// What a library's own convention gives: rueidis's builder, redis-om's `Model.db()`.
    pub(super) fn is_library_made(&self, call: &Call) -> bool {
        let name = call.name.as_str();
        let bare = call.args.is_empty() && self.library;
        match self.facts.language {
            Language::Go => bare && name == "B",
            Language::Python => {
                bare && name == "db" && (self.imports("redis_om") || self.imports("aredis_om"))
            }
            _ => false,
        }
    }

    pub(super) fn is_framework_cache(&self, path: &[String], name: &str) -> bool {
        matches!(path, [one] if one == "Cache")
            && self.facts.language == Language::Php
            && matches!(name, "tags" | "store")
    }

    /// A class of the file that is a client by its base: `class Second : RedisHelper<Second>`, and then `Second.Keys(p)`.
    pub(super) fn is_own_client(&self, path: &[String]) -> bool {
        let [name] = path else { return false };
        let classes = self.classes_named(name).iter();
        classes
            .flat_map(|own| &own.bases)
            .any(|base| self.is_client_base(base))
    }

    /// A cluster's client by what it is made with: redis-rb's `Redis.new(cluster: nodes)`, `RedisClient.cluster(nodes: nodes)`.
    pub(super) fn of_cluster(&self, id: CallId, known: Option<Known>) -> Option<Known> {
        let known = known?;
        let call = &self.facts.calls[id.0];
        let option = || {
            let mut args = call.args.iter();
            call.constructs
                && args.any(|arg| matches!(arg, Expr::Named(name, _) if name == "cluster"))
        };
        let told = self.facts.language == Language::Ruby && (call.name == "cluster" || option());
        let cluster = known.cluster || told;
        Some(Known { cluster, ..known })
    }

    /// A pool of what its lambda makes: `ConnectionPool.new(size: 5) { Redis.new }`.
    pub(super) fn of_pool(&self, call: &Call, depth: usize) -> Option<Known> {
        let pools = matches!(&call.receiver, Some(Expr::Path(path)) if path.last().is_some_and(|name| name.ends_with("Pool")));
        if !pools || !matches!(call.name.as_str(), "new" | "wrap") {
            return None;
        }
        let made = call.args.iter().find_map(|arg| match arg {
            Expr::Lambda(lambda) => self
                .facts
                .calls
                .iter()
                .position(|own| own.function == Some(*lambda) && own.usage == Usage::Returned),
            _ => None,
        })?;
        let known = self.at_depth(
            &Expr::Call(CallId(made)),
            call.function,
            call.class,
            depth + 1,
        )?;
        (known.sure == Sure::Resolved).then_some(Known {
            shape: client_of(known.shape),
            ..known
        })
    }
}

/// A cluster client's own list of its nodes: `cluster.nodes("master")`.
pub(super) fn is_nodes(call: &Call) -> bool {
    let role = call.args.first().and_then(argument::literal);
    call.name == "nodes" && matches!(role, Some("master" | "slave" | "all"))
}

/// Whether a file speaks of Redis, by whatever name.
pub(super) fn speaks_of_redis(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["redis", "valkey", "jedis", "redix", "lettuce", "keydb"]
        .iter()
        .any(|word| lower.contains(word))
}
