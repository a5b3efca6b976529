//! What is known of a value, and what names, types and literals say of it by themselves.
//! Must not follow bindings.

use crate::facts::Expr;
use crate::language::Language;
use crate::receiver::clients::{self, Telling};

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub sure: Sure,
    pub shape: Shape,
    /// A client of a cluster.
    pub cluster: bool,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sure {
    Weak,
    Own,
    Named,
    Resolved,
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A library, or a type of it.
    Module,
    Client,
    /// StackExchange's `IServer`, whose `Keys` is a scan.
    Server,
    /// Commands given to it are sent together.
    Pipeline,
    /// Django's or Rails' cache, which may stand on Redis.
    Cache,
}

/// What comes out when a library, a type or a factory is called.
pub(super) fn client_of(shape: Shape) -> Shape {
    if shape == Shape::Module {
        Shape::Client
    } else {
        shape
    }
}

/// What a function of that name gives, where it may be a library's: redis-rs's `pipe()`.
pub(super) fn made_by(name: &str, shape: Shape) -> Shape {
    if shape == Shape::Module {
        shape_of_method(name, Shape::Client)
    } else {
        shape
    }
}

/// What a method of a client gives, by its name.
pub(super) fn shape_of_method(name: &str, own: Shape) -> Shape {
    let lower = name.to_ascii_lowercase();
    if lower.contains("getserver") {
        return Shape::Server;
    }
    if matches!(
        lower.as_str(),
        "pipeline"
            | "pipelined"
            | "multi"
            | "createbatch"
            | "createtransaction"
            | "txpipeline"
            | "batch"
            | "pipe"
            | "p"
    ) {
        return Shape::Pipeline;
    }
    match own {
        Shape::Server if lower.contains("getdatabase") => Shape::Client,
        own => own,
    }
}

/// Methods of a cluster's client that give the client of one node.
pub(super) fn is_one_node(name: &str) -> bool {
    matches!(
        name,
        "nodeClient"
            | "getSlotMaster"
            | "getSlotRandomNode"
            | "get_redis_connection"
            | "getConnectionFromSlot"
    )
}

/// Methods of a client that give an object over one key: walrus's `db.Hash("a")`, Kredis's `hash("a")`.
pub(super) fn is_object(language: Language, name: &str) -> bool {
    match language {
        Language::Python => matches!(
            name,
            "Hash" | "List" | "Set" | "ZSet" | "Array" | "Stream" | "BitField"
        ),
        Language::Ruby => matches!(
            name,
            "hash" | "list" | "unique_list" | "ordered_set" | "enum" | "slots" | "json"
        ),
        _ => false,
    }
}

/// Classes of a client's own namespace that are one key each: redis-objects' `Redis::HashKey`.
pub(super) fn is_container(language: Language, path: &[String]) -> bool {
    language == Language::Ruby
        && matches!(path, [first, last] if first == "Redis" && matches!(
            last.as_str(),
            "HashKey" | "List" | "Set" | "SortedSet" | "Value" | "Counter" | "Lock"
        ))
}

/// Lettuce's own types visit every node of a cluster where they are asked to scan.
pub(super) fn is_cluster(name: &str) -> bool {
    name.to_ascii_lowercase().contains("cluster") && !visits_nodes(name)
}

fn visits_nodes(name: &str) -> bool {
    name.starts_with("StatefulRedisCluster")
        || name.starts_with("RedisAdvancedCluster")
        || name.starts_with("RedisCluster") && name.ends_with("Commands")
}

/// Methods of a client or library that give data, not another client.
pub(super) fn is_data_method(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "set"
            | "setex"
            | "incr"
            | "decr"
            | "expire"
            | "publish"
            | "ping"
            | "info"
            | "hset"
            | "sadd"
            | "zadd"
            | "lpush"
            | "rpush"
            | "eval"
            | "evalsha"
            | "rename"
            | "dbsize"
            | "on"
            | "quit"
            | "close"
            | "disconnect"
            | "result"
            | "exec"
            | "do"
            | "execute"
            | "call"
            | "command"
            | "query"
            | "send"
            | "lock"
            // A hash of what was read, in redis-rb.
            | "mapped_mget"
            | "mapped_hmget"
    ) || lower.starts_with("exec")
        || lower.ends_with("command")
}

/// What every asynchronous method of .NET takes last.
pub(super) fn is_token(arg: &Expr) -> bool {
    matches!(arg, Expr::Path(path) if path.last().is_some_and(|last| {
        let lower = last.to_ascii_lowercase();
        lower == "ct" || lower.ends_with("cancellationtoken")
    }))
}

/// A declared type that can't be a client.
pub(super) fn is_plain_type(declared: &str) -> bool {
    let lower = declared.to_ascii_lowercase();
    [
        "map<",
        "map[",
        "dict",
        "list<",
        "list[",
        "set<",
        "hashmap",
        "string",
        "record<",
        "lru",
        "btreemap",
        "array",
        "jsonobject",
        "miniredis",
    ]
    .iter()
    .any(|word| {
        let mut places = lower.match_indices(word);
        places.any(|(at, _)| at == 0 || lower[..at].ends_with([' ', ':', '.', '&']))
    }) || is_other_store(&lower)
}

/// A name, in lower case, of another store's or server's client.
pub(super) fn is_other_store(lower: &str) -> bool {
    const STORES: &[&str] = &[
        "bigtable",
        "cassandra",
        "consul",
        "couchbase",
        "cqlsession",
        "dynamo",
        "elasticsearch",
        "entitymanager",
        "etcd",
        "firestore",
        "hazelcast",
        "hbase",
        "jdbc",
        "leveldb",
        "memcache",
        "mongo",
        "opensearch",
        "rocksdb",
        "zookeeper",
    ];
    STORES.iter().any(|store| lower.contains(store))
}

/// A value that can't be a client: a literal, a collection.
pub(super) fn is_something_else(value: &Expr) -> bool {
    matches!(
        value,
        Expr::Text(_) | Expr::Number(_) | Expr::List(_) | Expr::Map(_)
    )
}

/// A later name of a binding that is a client as well: `const { redis, db } = ...`.
pub(super) fn is_client_name(target: &[String]) -> bool {
    target
        .last()
        .and_then(|name| clients::telling(name))
        .is_some_and(|told| told > Telling::Weak)
}

pub(super) fn is_require(name: &str) -> bool {
    matches!(name, "require" | "import" | "__import__" | "import_module")
}

/// Names that are a client's class wherever they stand: Laravel's facade, Ruby's class, Elixir's module.
pub(super) fn is_static_type(language: Language, path: &[String], library: bool) -> bool {
    let Some(first) = path.first() else {
        return false;
    };
    let first = first.trim_start_matches('\\');
    match language {
        Language::Php => {
            matches!(first, "Redis" | "RedisFacade" | "LRedis" | "Predis")
                || first.ends_with("Facades\\Redis")
        }
        Language::Ruby => {
            matches!(
                first,
                "Redis" | "RedisClient" | "Kredis" | "MockRedis" | "REDIS" | "Hiredis"
            ) || matches!(path, [em, hiredis, ..] if em == "EM" && hiredis == "Hiredis")
        }
        Language::Elixir => matches!(first, "Redix" | "Exredis"),
        Language::CSharp => matches!(first, "RedisHelper" | "ConnectionMultiplexer"),
        Language::Lua => first == "redis",
        Language::Rust => library && first == "redis",
        _ => false,
    }
}

/// Types of a client library that hold settings, errors and values, and are no clients.
pub(super) fn has_data_ending(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        "config",
        "configuration",
        "options",
        "option",
        "error",
        "exception",
        "params",
        "args",
        "value",
        "values",
        "key",
        "result",
        "uri",
        "url",
        "info",
        "serializer",
        "callback",
        "cursor",
        "message",
        "type",
        "types",
        "properties",
        "settings",
        "channel",
        "listener",
        "script",
        "mode",
        "flags",
        "cachemanager",
        "reply",
        "response",
        "fromredisvalue",
        "output",
        "codec",
        "address",
        "node",
        "builder",
    ]
    .iter()
    .any(|ending| lower.ends_with(ending))
}
