//! What is read of PHP.
//! Must not know Redis.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Php;

#[test]
fn uses_are_imports() {
    let text = "<?php
use Illuminate\\Support\\Facades\\Redis;
use Predis\\{Client as Predis, Response};
use function App\\redis;
";
    assert_eq!(
        imports(Php, text),
        [
            "Illuminate\\Support\\Facades\\Redis: *=Redis",
            "Predis\\Client: *=Predis",
            "Predis\\Response: *=Response",
            "App\\redis: *=redis",
        ]
    );
}

#[test]
fn classes_have_the_types_of_code_and_of_comments() {
    let text = r#"<?php
final class Store extends \App\Base implements Cache {
    use Locks;
    private ?\Redis $redis = null;
    /** @var \Predis\Client|null */
    private $client;
    const PREFIX = 'app:';
    public function __construct(private readonly ClientInterface $inner, Redis|null $redis) {
        $this->redis = $redis ?? new \Redis();
        self::$shared = new \Predis\Client(['host' => 'x'], timeout: 3);
    }
    /**
     * @param \Redis $r the server
     * @return \Redis
     */
    #[Pure]
    public function run($r, array $xs = []) {}
}
"#;
    assert_eq!(
        classes(Php, text),
        [
            "Store(App\\Base, Cache, Locks) redis: Redis, client: Predis\\Client, inner: ClientInterface"
        ]
    );
    assert_eq!(
        functions(Php, text),
        [
            "__construct(inner: ClientInterface, redis: Redis) of Store",
            "run(r: Redis, xs) -> Redis #Pure of Store",
        ]
    );
    assert_eq!(
        bindings(Php, text),
        [
            "self.redis = ...",
            "self.client = ...",
            "self.PREFIX = \"app:\"",
            "self.redis = Redis()",
            "self.shared = Client()",
        ]
    );
    assert_eq!(
        calls(Php, text),
        [
            "new Redis() -> bound self.redis in __construct",
            "Predis.new Client({host: \"x\"}, timeout=3) -> bound self.shared in __construct",
        ]
    );
}

#[test]
fn calls_of_all_kinds_say_where_their_result_goes() {
    let text = r#"<?php
$keys = $this->redis?->keys("user:{$id}:*" . self::SUFFIX);
Redis::connection('cache')->keys(sprintf('%s:*', $prefix));
$redis->del(...$redis->keys('*'));
[$a, $b] = Redis::scan(0);
$keys[] = $redis->{"keys"}('it\'s');
return @$redis->executeRaw(['KEYS', '*']);
\redis_flush();
`redis-cli keys '*'`;
app(Redis::class)->keys('*');
"#;
    assert_eq!(
        calls(Php, text),
        [
            "self.redis.keys(\"user:{}:*{}\") -> bound keys",
            "Redis.connection(\"cache\") -> receiver of keys",
            "connection().keys(\"{}:*\") -> discarded",
            "redis.keys(\"*\") -> argument of del",
            "redis.del(*keys()) -> discarded",
            "Redis.scan(0) -> bound a, b",
            "redis.keys(\"it's\") -> bound keys",
            "redis.executeRaw([\"KEYS\", \"*\"]) -> returned",
            "redis_flush() -> discarded",
            "shell_exec(\"redis-cli keys '*'\") -> discarded",
            "app(Redis.class) -> receiver of keys",
            "app().keys(\"*\") -> discarded",
        ]
    );
}

#[test]
fn loops_and_callbacks() {
    let text = r#"<?php
foreach ($redis->keys('*') as $i => $key): $redis->get($key); endforeach;
while (($page = $redis->scan($it, 'a*')) !== false) {}
do { $redis->scan($cursor); } while ($cursor > 0);
array_map(fn($k) => $redis->get($k), $keys);
collect($keys)->each(function ($k) use ($redis) { $redis->del($k); });
"#;
    assert_eq!(
        loops(Php, text),
        [
            "each i, key of keys()",
            "while [redis] [it] [page]",
            "while [cursor]",
            "callback k of keys by array_map",
            "callback k of collect() by each",
        ]
    );
    assert_eq!(
        calls(Php, text)[..3],
        [
            "redis.keys(\"*\") -> iterated",
            "redis.get(key) -> discarded @0",
            "redis.scan(it, \"a*\") -> bound page @1",
        ]
    );
}

#[test]
fn heredocs_keep_their_lines() {
    let text = "<?php
$lua = <<<LUA
  return redis.call('KEYS', '$p')
  LUA;
$raw = <<<'LUA'
  return 1
  LUA;
";
    assert_eq!(
        texts(Php, text),
        [
            "20..53 \"  return redis.call('KEYS', '\u{fffd}')\"",
            "77..87 \"  return 1\""
        ]
    );
}
