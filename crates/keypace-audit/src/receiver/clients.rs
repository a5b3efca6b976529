//! Client libraries: the types they declare, and the names that tell a client.
//! Must not look at a file's facts.

use crate::language::Language;

/// Types that no one else declares, by their last name.
pub(crate) fn is_known_type(language: Language, name: &str) -> bool {
    let names: &[&str] = match language {
        Language::Java | Language::Kotlin => &[
            "Jedis",
            "JedisPool",
            "JedisPooled",
            "JedisCluster",
            "JedisSentinelPool",
            "JedisCommands",
            "ShardedJedis",
            "ShardedJedisPool",
            "UnifiedJedis",
            "RedisTemplate",
            "StringRedisTemplate",
            "ReactiveRedisTemplate",
            "ReactiveStringRedisTemplate",
            "RedisOperations",
            "ValueOperations",
            "HashOperations",
            "ListOperations",
            "SetOperations",
            "ZSetOperations",
            "BoundValueOperations",
            "BoundHashOperations",
            "BoundListOperations",
            "BoundSetOperations",
            "BoundZSetOperations",
            "ReactiveRedisOperations",
            "RedisConnection",
            "RedisConnectionFactory",
            "RedisKeyCommands",
            "ReactiveRedisConnection",
            "StringRedisConnection",
            "RedisCommands",
            "RedisAsyncCommands",
            "RedisReactiveCommands",
            "RedisClusterCommands",
            "RedisCoroutinesCommands",
            "RedisAdvancedClusterCommands",
            "RedisAdvancedClusterAsyncCommands",
            "RedisClusterClient",
            "RedisClient",
            "StatefulRedisConnection",
            "StatefulRedisClusterConnection",
            "RedissonClient",
            "RedissonReactiveClient",
            "RKeys",
            "RedisAPI",
            "RedisDataSource",
            "ReactiveRedisDataSource",
            "KeyCommands",
            "KredsClient",
        ],
        Language::CSharp => &[
            "IConnectionMultiplexer",
            "ConnectionMultiplexer",
            "IRedisClient",
            "IRedisClientAsync",
            "IRedisClientsManager",
            "RedisClient",
            "CSRedisClient",
            "IRedisDatabase",
            "RedisHelper",
            "RedisManagerPool",
            "PooledRedisClientManager",
            "IRedisNativeClient",
            "RedisDB",
            "FullRedis",
        ],
        Language::Php => &[
            "RedisCluster",
            "RedisSentinel",
            "RedisArray",
            "RedisFactory",
            "RedisProxy",
            "RedisManager",
            "Credis_Client",
        ],
        Language::Python => &[
            "StrictRedis",
            "RedisCluster",
            "FlaskRedis",
            "FakeStrictRedis",
            "FakeRedis",
            "FakeAsyncRedis",
            "StrictRedisCluster",
            "ArqRedis",
        ],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &[
            "RedisClientType",
            "RedisClusterType",
            "IORedis",
            "RedisClient",
            "RedisClusterClientType",
        ],
        Language::Rust => &["MultiplexedConnection", "RedisPool", "RedisConnection"],
        Language::Go => &["RedisClient"],
        _ => &[],
    };
    names.contains(&name)
}

/// Types of a client library that are clients only where that library is imported.
pub(crate) fn is_library_type(language: Language, name: &str) -> bool {
    let names: &[&str] = match language {
        Language::CSharp => &[
            "IDatabase",
            "IServer",
            "IDatabaseAsync",
            "IBatch",
            "ITransaction",
        ],
        Language::Go => &[
            "Client",
            "ClusterClient",
            "UniversalClient",
            "Cmdable",
            "Conn",
            "Pool",
            "Pipeliner",
            "Tx",
            "Ring",
            "Redis",
            "CoreCommands",
        ],
        Language::Rust => &[
            "Connection",
            "ConnectionManager",
            "ConnectionLike",
            "Commands",
            "AsyncCommands",
            "Client",
            "ClusterConnection",
            "ClusterClient",
            "Pool",
            "Pipeline",
            "RedisConnectionManager",
            "PooledConnection",
        ],
        Language::Python => &[
            "Redis",
            "Valkey",
            "Pipeline",
            "GlideClient",
            "Client",
            "ConnectionPool",
            "Database",
        ],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &[
            "Redis",
            "Cluster",
            "Tedis",
            "Valkey",
            "GlideClient",
            "GlideClusterClient",
            "Pipeline",
            "ChainableCommander",
        ],
        Language::Php => &[
            "Redis",
            "Client",
            "ClientInterface",
            "PredisClient",
            "Connection",
            "Relay",
            "Factory",
            "Credis_Client",
        ],
        Language::Ruby => &["Redis", "RedisClient"],
        _ => &[],
    };
    names.contains(&name)
}

/// Types whose commands are sent together, with one answer for all.
pub(crate) fn is_queue_type(name: &str) -> bool {
    name.ends_with("Pipeline")
        || matches!(
            name,
            "Pipeliner"
                | "IBatch"
                | "ITransaction"
                | "ChainableCommander"
                | "Transaction"
                | "AbstractTransaction"
                | "TransactionBase"
                | "Batch"
                | "ClusterBatch"
                | "RBatch"
        )
}

/// What a name alone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Telling {
    /// `client`, `conn`, `r`: only where the file imports a client.
    Weak,
    /// `redisService`: a class of the project's own around a client.
    Own,
    /// `redis`, `redisClient`, `jedis`.
    Named,
}

/// What a name says of being a Redis client.
pub(crate) fn telling(name: &str) -> Option<Telling> {
    let lower = name.to_ascii_lowercase();
    // A server inside of Go's tests.
    if lower == "miniredis" {
        return None;
    }
    let parts = words(name);
    let has = |word: &str| parts.iter().any(|part| part == word);
    let redis = [
        "redis",
        "valkey",
        "jedis",
        "keydb",
        "lettuce",
        "dragonflydb",
    ]
    .iter()
    .any(|word| lower.contains(word))
        || ["rdb", "redix", "rcli"].iter().any(|word| has(word));
    if redis {
        if [
            "config",
            "options",
            "opts",
            "url",
            "host",
            "port",
            "key",
            "keys",
            "prefix",
            "error",
            "exception",
            "settings",
        ]
        .iter()
        .any(|word| parts.last().is_some_and(|last| last == word))
        {
            return None;
        }
        let own = [
            "service",
            "util",
            "utils",
            "helper",
            "manager",
            "repository",
            "repo",
            "store",
            "adapter",
            "handler",
            "provider",
            "wrapper",
            "cache",
            "dao",
            "facade",
            "gateway",
            "storage",
            "module",
            "lock",
            "backend",
            "streamer",
            "consumer",
            "producer",
        ];
        let lower_own = own.iter().any(|word| {
            parts.last().is_some_and(|last| last == word)
                || (word.len() > 4 && lower.ends_with(word))
        });
        return Some(if lower_own {
            Telling::Own
        } else {
            Telling::Named
        });
    }
    let weak = [
        "r",
        "red",
        "rc",
        "rd",
        "conn",
        "con",
        "connection",
        "client",
        "c",
        "db",
        "cache",
        "pipe",
        "pipeline",
        "cli",
        "commands",
        "kv",
        "store",
        "rclient",
        "pool",
        "cacheclient",
        "server",
        "sync",
        "async",
        "session",
        "database",
        "template",
    ];
    let last = parts.last().map(String::as_str).unwrap_or_default();
    (weak.contains(&lower.as_str()) || weak[4..].contains(&last)).then_some(Telling::Weak)
}

/// Elixir's caches and tables inside the program, whose `get` and `delete` are no commands.
pub(crate) fn is_in_process(name: &str) -> bool {
    matches!(name, "Agent" | "Cachex" | "ConCache" | "ets")
}

/// The words of an identifier, in lower case: `redisClient2` is `redis`, `client2`; `RDB` is one word.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_alphanumeric() {
            let begins = !before.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}
