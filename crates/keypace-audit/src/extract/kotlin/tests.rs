//! Facts of Kotlin texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Kotlin;

fn within(body: &str) -> String {
    format!("fun f() {{\n{body}\n}}\n")
}

#[test]
fn imports_bind_classes_and_aliases() {
    let text = "\
package a.b
import io.lettuce.core.api.sync.RedisCommands as Cmds
import org.springframework.data.redis.core.StringRedisTemplate
import redis.clients.jedis.*
";
    assert_eq!(
        imports(Kotlin, text),
        [
            "io.lettuce.core.api.sync: RedisCommands=Cmds",
            "org.springframework.data.redis.core: StringRedisTemplate=StringRedisTemplate",
            "redis.clients.jedis"
        ]
    );
}

#[test]
fn classes_say_fields_and_supertypes() {
    let text = "\
@Service
class Store<T>(private val redis: StringRedisTemplate, pool: JedisPool = make()) : Base<String>(pool), Cache, Other {
    lateinit var template: RedisTemplate<String, Any>
    companion object { const val ALL = \"x*\"; val jedis: Jedis = Jedis(\"h\") }
}
object Registry { val redis: Jedis? = null }
interface Repo : CrudRepository<User, String> { fun keys(p: String): Set<String> }
object Second { val pool = JedisPool(\"h\") }
";
    assert_eq!(
        classes(Kotlin, text),
        [
            "Store(Base, Cache, Other) redis: StringRedisTemplate, pool: JedisPool, template: RedisTemplate<String, Any>, ALL, jedis: Jedis",
            "Registry() redis: Jedis?",
            "Repo(CrudRepository)",
            "Second() pool"
        ]
    );
}

#[test]
fn functions_say_types_and_the_receiver_last() {
    let text = "\
class C {
    @Scheduled(fixedDelay = 1) override suspend fun <K> find(id: String, n: Int? = size()): Set<K>? { return null }
    fun one(p: String) = redis.keys(p)
}
fun Jedis.clear(p: String) { run { keys(p) }; use { c: Jedis, (a, b) -> c.ping() } }
";
    assert_eq!(
        functions(Kotlin, text),
        [
            "find(id: String, n: Int?) -> Set<K>? #Scheduled of C",
            "one(p: String) of C",
            "clear(p: String, self: Jedis)",
            "(it) in clear",
            "(c: Jedis, a, b) in clear"
        ]
    );
    assert_eq!(
        calls(Kotlin, text),
        [
            "size() -> other in find",
            "redis.keys(p) -> returned in one",
            "keys(p) -> returned in ",
            "run(fn) -> discarded in clear",
            "c.ping() -> returned in ",
            "use(fn) -> discarded in clear"
        ]
    );
}

#[test]
fn calls_say_what_they_are_given_and_where_results_go() {
    let text = within(
        "\
val keys = this.redis.keys(\"user:$id:*\")
redis.mget(*redis.keys(\"a:${id()}:*\").toTypedArray())
redis!!.del(keys = listOf(\"x\", y), other = 1)
redis?.scan(\"0\") ?: other.scan(\"1\")
conn.keys(\"a*\".toByteArray())
pool.resource.use { jedis -> jedis.flushAll() }
template.execute { c -> c.keys(\"%s:*\".format(id)) }
factory()!!.connection.keys(raw)
if (full) a.keys(\"1\") else b.keys(\"2\")
Jedis(\"h\").ping()
mapOf(\"a\" to f(), b to 1)",
    );
    assert_eq!(
        calls(Kotlin, &text),
        [
            "self.redis.keys(\"user:{}:*\") -> bound keys in f",
            "id() -> other in f",
            "redis.keys(\"a:{}:*\") -> receiver of toTypedArray in f",
            "keys().toTypedArray() -> argument of mget in f",
            "redis.mget(*toTypedArray()) -> discarded in f",
            "redis.del(keys=[\"x\", y], other=1) -> discarded in f",
            "redis.scan(\"0\") -> discarded in f",
            "other.scan(\"1\") -> discarded in f",
            "conn.keys(\"a*\") -> discarded in f",
            "jedis.flushAll() -> returned in ",
            "pool.resource.use(fn) -> discarded in f",
            "c.keys(\"{}:*\") -> returned in ",
            "template.execute(fn) -> discarded in f",
            "factory() -> other in f",
            "factory().connection.keys(raw) -> discarded in f",
            "a.keys(\"1\") -> discarded in f",
            "b.keys(\"2\") -> discarded in f",
            "new Jedis(\"h\") -> receiver of ping in f",
            "Jedis().ping() -> discarded in f",
            "f() -> other in f"
        ]
    );
}

#[test]
fn bindings_say_types_and_see_through_delegates() {
    let text = "\
class C {
    private lateinit var tpl: RedisTemplate<String, Any>
    val lazily by lazy { client.connect() }
    val injected: Jedis by inject()
    val conn: Jedis get() = pool.resource
    fun f() {
        val (cursor, _) = redis.scan(c)
        this.tpl = requireNotNull(tpl)
        keys += redis.keys(p)
        map[k] = v
        val x = if (a) one() else two()
        for (node: Jedis in nodes) { }
    }
}
";
    assert_eq!(
        bindings(Kotlin, text),
        [
            "tpl: RedisTemplate<String, Any> = ...",
            "lazily = connect()",
            "injected: Jedis = inject()",
            "conn: Jedis = pool.resource",
            "cursor,  = scan()",
            "self.tpl = tpl",
            "keys = keys()",
            " = v",
            "x = one()",
            "node: Jedis = ..."
        ]
    );
}

#[test]
fn loops_know_what_they_go_over() {
    let text = within(
        "\
for (k in keys) { redis.get(k) }
for ((k, v) in map) one(k)
while (cursor != \"0\") { }
do { } while (!it.done)
keys.mapNotNull { redis.get(it) }
keys.forEach(redis::del)",
    );
    assert_eq!(
        loops(Kotlin, &text),
        [
            "each k of keys",
            "each k, v of map",
            "while [cursor]",
            "while [it.done]",
            "callback it of keys by mapNotNull",
            "callback it of keys by forEach"
        ]
    );
    assert_eq!(
        calls(Kotlin, &text),
        [
            "redis.get(k) -> discarded in f @0",
            "one(k) -> discarded in f @1",
            "redis.get(it) -> returned in  @4",
            "keys.mapNotNull(fn) -> discarded in f",
            "redis.del(it) -> returned in  @5",
            "keys.forEach(fn) -> discarded in f"
        ]
    );
}

#[test]
fn raw_strings_keep_their_lines() {
    let text = "val s = \"\"\"\n  redis.call('KEYS', \"$p\")\n\"\"\".trimIndent()\n";
    assert_eq!(
        texts(Kotlin, text),
        ["11..39 \"\\n  redis.call('KEYS', \\\"\u{fffd}\\\")\\n\""]
    );
}
