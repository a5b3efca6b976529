//! Facts of Java texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Java;

fn within(body: &str) -> String {
    format!("class C {{\n  void f() {{\n{body}\n  }}\n}}\n")
}

#[test]
fn imports_bind_classes_and_static_methods() {
    let text = "\
package a.b;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.*;
import static java.util.stream.Collectors.toList;
";
    assert_eq!(
        imports(Java, text),
        [
            "redis.clients.jedis: Jedis=Jedis",
            "redis.clients.jedis",
            "java.util.stream.Collectors: toList=toList"
        ]
    );
}

#[test]
fn classes_say_fields_and_supertypes() {
    let text = "\
@Service
public class Store<T> extends Base<String> implements Cache, a.b.Other<T> {
  @Autowired private final StringRedisTemplate redis, other = make();
  enum E { A; private Jedis j; }
}
record Point(Jedis jedis, int y) implements I { Point { check(); } }
interface Repo extends CrudRepository<User, String> { Set<String> keys(String pattern); String ALL = \"*\"; }
";
    assert_eq!(
        classes(Java, text),
        [
            "Store(Base, Cache, a.b.Other) redis: StringRedisTemplate, other: StringRedisTemplate",
            "E() j: Jedis",
            "Point(I) jedis: Jedis, y: int",
            "Repo(CrudRepository) ALL: String"
        ]
    );
}

#[test]
fn functions_say_types_and_annotations() {
    let text = "\
class C {
  C(Jedis jedis, String... more) { super(jedis); }
  @Scheduled(cron = \"x\") @Override
  public <K> Set<K> find(@Value(\"a\") final String id) { return null; }
  void go() { run(k -> one(k), (a, b) -> { two(); }, (Jedis j) -> j.ping()); }
}
";
    assert_eq!(
        functions(Java, text),
        [
            "C(jedis: Jedis, more: String...) of C",
            "find(id: String) -> Set<K> #Scheduled #Override of C",
            "go() of C",
            "(k) of C in go",
            "(a, b) of C in go",
            "(j: Jedis) of C in go"
        ]
    );
    assert_eq!(
        calls(Java, text),
        [
            "super(jedis) -> discarded in C",
            "one(k) -> returned in ",
            "two() -> discarded in ",
            "j.ping() -> returned in ",
            "run(fn, fn, fn) -> discarded in go"
        ]
    );
}

#[test]
fn calls_say_what_they_are_given_and_where_results_go() {
    let text = within(
        "\
Set<String> keys = this.redis.keys(\"user:\" + id + \":*\");
redis.delete(redis.keys(String.format(\"a:%s:*\", id())));
conn.keys(\"a*\".getBytes(UTF_8));
redis.execute((RedisCallback<Void>) c -> { c.flushDb(); return null; });
redis.execute(new RedisCallback<Object>() { public Object doInRedis(RedisConnection c) { return c.keys(b); } });
jedis.mget(keys.toArray(new String[0]));
jedis.sendCommand(Protocol.Command.KEYS, \"*\");
commands.dispatch(List.of(\"KEYS\", \"*\"), Arrays.asList(names));
ScanResult<String> page = full ? jedis.scan(a) : jedis.scan(b);
super.<X>keys(\"x\");",
    );
    assert_eq!(
        calls(Java, &text),
        [
            "self.redis.keys(\"user:{}:*\") -> bound keys in f",
            "id() -> other in f",
            "redis.keys(\"a:{}:*\") -> argument of delete in f",
            "redis.delete(keys()) -> discarded in f",
            "conn.keys(\"a*\") -> discarded in f",
            "c.flushDb() -> discarded in ",
            "redis.execute(fn) -> discarded in f",
            "c.keys(b) -> returned in doInRedis",
            "new RedisCallback() -> argument of execute in f",
            "redis.execute(RedisCallback()) -> discarded in f",
            "keys.toArray(...) -> argument of mget in f",
            "jedis.mget(toArray()) -> discarded in f",
            "jedis.sendCommand(Protocol.Command.KEYS, \"*\") -> discarded in f",
            "Arrays.asList(names) -> argument of dispatch in f",
            "commands.dispatch([\"KEYS\", \"*\"], asList()) -> discarded in f",
            "jedis.scan(a) -> bound page in f",
            "jedis.scan(b) -> bound page in f",
            "self.keys(\"x\") -> discarded in f"
        ]
    );
}

#[test]
fn bindings_say_types() {
    let text = within(
        "\
try (Jedis jedis = pool.getResource(); var other = open()) { jedis.ping(); }
this.redis = Objects.requireNonNull(redis);
String[] args = {\"a\"}; args[0] = \"x\"; count += 1;
byte[][] raw = new byte[][] {key};
if (o instanceof Jedis j && j.ok()) { }
for (JedisPool node : nodes) { }",
    );
    assert_eq!(
        bindings(Java, &text),
        [
            "jedis: Jedis = getResource()",
            "other = open()",
            "self.redis = redis",
            "args: String[] = [\"a\"]",
            " = \"x\"",
            "raw: byte[][] = [key]",
            "j: Jedis = o",
            "node: JedisPool = ..."
        ]
    );
}

#[test]
fn loops_know_what_they_go_over() {
    let text = within(
        "\
for (String k : keys) { redis.opsForValue().get(k); }
for (int i = 0; i < n; i++) { }
do { x = y; } while (!\"0\".equals(cursor));
while (it.hasNext()) { }
keys.stream().map(k -> redis.get(k)).forEach(this::drop);",
    );
    assert_eq!(
        loops(Java, &text),
        [
            "each k of keys",
            "while [i] [n]",
            "while [cursor]",
            "while [it]",
            "callback k of stream() by map",
            "callback it of map() by forEach"
        ]
    );
    assert_eq!(
        calls(Java, &text)[..2],
        [
            "redis.opsForValue() -> receiver of get in f @0",
            "opsForValue().get(k) -> discarded in f @0"
        ]
    );
    assert_eq!(
        calls(Java, &text).last().map(String::as_str),
        Some("map().forEach(fn) -> discarded in f")
    );
}

#[test]
fn text_blocks_keep_their_lines() {
    let text = "class C { String s = \"\"\"\n  redis.call('KEYS', \"a\")\n  \"\"\"; }";
    assert_eq!(
        texts(Java, text),
        ["24..53 \"\\n  redis.call('KEYS', \\\"a\\\")\\n  \""]
    );
}
