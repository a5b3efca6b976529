//! Facts of JavaScript and TypeScript texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::{JavaScript, Tsx, TypeScript};

#[test]
fn imports_of_both_module_systems() {
    let text = "\
import Redis, { Cluster as C } from 'ioredis';
import * as redis from 'redis';
import './setup';
const { createClient, RESP_TYPES: T } = require('redis');
const Io = require('ioredis').default;
const late = await import('redis');
const client = require('redis').createClient();
";
    let expected = [
        "ioredis: default=Redis, Cluster=C",
        "redis: *=redis",
        "./setup",
        "redis: createClient=createClient, RESP_TYPES=T",
        "ioredis: default=Io",
        "redis: *=late",
        "redis",
    ];
    assert_eq!(imports(JavaScript, text), expected);
    assert_eq!(imports(TypeScript, text), expected);
    assert_eq!(
        imports(TypeScript, "import Redis = require('ioredis');"),
        ["ioredis: *=Redis"]
    );
    assert_eq!(
        calls(
            JavaScript,
            "const c = require('redis').createClient({ url });"
        ),
        [
            "require(\"redis\") -> receiver of createClient",
            "require().createClient({url: url}) -> bound c"
        ]
    );
}

#[test]
fn calls_and_where_their_results_go() {
    let text = "\
const r = new Redis(6379);
const keys = await r.keys(`user:${id}:*`);
await r.del(...(await this.redis.keys('a' + b + '*')));
const [cursor, page] = await r.scan(cursor0, 'MATCH', '*');
const { keys: found } = await this.#client.scan(0, { MATCH: p, COUNT });
r['keys']('*').then(ks => r.unlink(ks));
const x = cache?.redis!.get(k) ?? (await r.get(k));
function f() { return cond ? r.keys('a*') : r.keys('b*'); }
r.sendCommand(['KEYS', '*']);
(await pool.client()).inner.keys('z*');
";
    assert_eq!(
        calls(TypeScript, text),
        [
            "new Redis(6379) -> bound r",
            "r.keys(\"user:{}:*\") -> bound keys",
            "self.redis.keys(\"a{}*\") -> argument of del",
            "r.del(*keys()) -> discarded",
            "r.scan(cursor0, \"MATCH\", \"*\") -> bound cursor, page",
            "self.client.scan(0, {MATCH: p, COUNT: COUNT}) -> bound found, ",
            "r.keys(\"*\") -> receiver of then",
            "r.unlink(ks) -> returned in ",
            "keys().then(fn) -> discarded",
            "cache.redis.get(k) -> bound x",
            "r.get(k) -> bound x",
            "r.keys(\"a*\") -> returned in f",
            "r.keys(\"b*\") -> returned in f",
            "r.sendCommand([\"KEYS\", \"*\"]) -> discarded",
            "pool.client() -> other",
            "client().inner.keys(\"z*\") -> discarded",
        ]
    );
}

#[test]
fn loops_and_callbacks() {
    let text = "\
for (const k of await r.keys('*')) { await r.get(k); }
for await (const { key } of r.scanIterator()) { }
do { [cursor, ks] = await r.scan(cursor); } while (cursor !== '0');
await Promise.all(keys.map(async (k) => r.get(k)));
stream.on('data', (ks) => { r.del(ks); });
for (let i = 0; i < ids.length; i++) { }
while (true) { }
";
    assert_eq!(
        loops(JavaScript, text),
        [
            "each k of keys()",
            "each key of scanIterator()",
            "while [cursor]",
            "callback k of keys by map",
            "callback ks of stream by on",
            "while [i] [ids.length]",
            "while",
        ]
    );
    assert_eq!(
        calls(JavaScript, text),
        [
            "r.keys(\"*\") -> iterated",
            "r.get(k) -> discarded @0",
            "r.scanIterator() -> iterated",
            "r.scan(cursor) -> bound cursor, ks @2",
            "r.get(k) -> returned in  @3",
            "keys.map(fn) -> argument of all",
            "Promise.all(map()) -> discarded",
            "r.del(ks) -> discarded in  @4",
            "stream.on(\"data\", fn) -> discarded",
        ]
    );
}

#[test]
fn classes_and_functions() {
    let text = "\
export class Cache extends Base<K> implements Store<V>, OnInit {
  private static pool: Pool;
  @InjectRedis() private readonly redis: Redis;
  #inner = createClient();
  handler = async (a: A): Promise<B> => this.redis.keys('x:*');
  constructor(private readonly io: IORedis, plain: Other) { super(); this.io = io; }
  @Cron('* * *') @Guard async run({ redis, n = fallback }: { redis: Redis; n: number }, ...rest: string[]): Promise<Redis> { }
}
interface Ctx { redis: RedisClientType; n?: number }
const get = (x = 1) => x;
";
    assert_eq!(
        classes(TypeScript, text),
        [
            "Cache(Base, Store, OnInit) pool: Pool, redis: Redis, io: IORedis",
            "Ctx() redis: RedisClientType, n: number"
        ]
    );
    assert_eq!(
        functions(Tsx, text),
        [
            "handler(a: A) -> Promise<B> of Cache",
            "constructor(io: IORedis, plain: Other) of Cache",
            "run(redis: Redis, n: number, rest: string[]) -> Promise<Redis> #Cron #Guard of Cache",
            "get(x)"
        ]
    );
    assert_eq!(
        bindings(TypeScript, text),
        [
            "self.inner = createClient()",
            "self.handler = fn",
            "self.io = io",
            "get = fn"
        ]
    );
}

#[test]
fn texts_span_their_content() {
    let text = "r.eval(`return\\nredis.call('KEYS', ${p})`, 0)";
    assert_eq!(
        texts(JavaScript, text),
        ["8..40 \"return\\nredis.call('KEYS', \u{fffd})\""]
    );
    let tsx = "const A = () => <B keys={r.keys('long:key:*')}>{/* note */}</B>;";
    assert_eq!(calls(Tsx, tsx), ["r.keys(\"long:key:*\") -> other in A"]);
}
