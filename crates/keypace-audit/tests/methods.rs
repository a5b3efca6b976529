//! What a file does through methods of classes in other files: reads in loops, deletions of all keys, lists of keys.
//! Must not look into the auditor: a tree is audited as a user's would be.

use std::fs;

use keypace_audit::{Audit, Confidence, Options};
use tempfile::TempDir;

/// What is found in the caller's file, as `LINE RULE`, at medium confidence and above.
fn called(helper: (&str, &str), caller: (&str, &str)) -> Vec<String> {
    let folder = TempDir::new().expect("folder");
    for (name, text) in [helper, caller] {
        fs::write(folder.path().join(name), text).expect("write");
    }
    let report = Audit::new(Options::default()).run(&[folder.path().to_path_buf()]);
    let findings = report.expect("a report").findings;
    let own = findings.iter().filter(|own| own.file == caller.0);
    own.filter(|own| own.confidence >= Confidence::Medium)
        .map(|own| format!("{} {}", own.line, own.rule))
        .collect()
}

const JAVA: (&str, &str) = (
    "TokenStoreImpl.java",
    "\
import org.springframework.data.redis.core.StringRedisTemplate;
public class TokenStoreImpl implements TokenStore, Runnable {
    private final StringRedisTemplate template;
    public TokenStoreImpl(StringRedisTemplate template) { this.template = template; }
    public Collection<String> names(String user) { return template.keys(\"token:\" + user + \":*\"); }
    public Token load(String name) {
        String value = template.opsForValue().get(name);
        return Token.parse(value);
    }
    public Token ofUser(String user, String id) { return load(\"token:\" + user + \":\" + id); }
    public void forget(Collection<String> names) { template.delete(names); }
    public int size(Collection<String> names) { return names.size(); }
}
",
);

#[test]
fn a_read_or_a_deletion_by_a_declared_class_is_one() {
    let caller = "\
public class Sessions {
    private final TokenStoreImpl tokens;
    private final Audit audit;
    public Sessions(TokenStoreImpl tokens, Audit audit) { this.tokens = tokens; this.audit = audit; }
    public List<Token> all(String user) {
        Collection<String> names = tokens.names(user);
        List<Token> out = new ArrayList<>();
        for (String name : names) {
            out.add(tokens.load(name));
            audit.load(name);
        }
        tokens.size(names);
        return out;
    }
    public void end(String user) {
        Collection<String> names = tokens.names(user);
        audit.forget(names);
        tokens.forget(names);
    }
    public Token one(String user) { return tokens.load(\"token:\" + user); }
    public void each(String user) {
        for (String id : tokens.names(user)) {
            show(tokens.ofUser(user, id.substring(6)));
        }
    }
    public void fixed() {
        for (String name : List.of(\"a\", \"b\")) {
            tokens.load(name);
        }
    }
}
";
    let found = called(JAVA, ("Sessions.java", caller));
    assert_eq!(
        found,
        [
            "9 n-plus-one-read",
            "18 del-for-bulk",
            "18 giant-multikey",
            "23 n-plus-one-read"
        ]
    );
}

#[test]
fn an_interface_stands_for_the_class_that_is_named_after_it() {
    let caller = "\
public class Sessions {
    @Autowired
    private TokenStore tokens;
    @Autowired
    private Runnable task;
    public void all(String user) {
        tokens.names(user).forEach(name -> show(tokens.load(name)));
        task.names(user).forEach(name -> show(task.load(name)));
    }
}
";
    let found = called(JAVA, ("Sessions.java", caller));
    assert_eq!(found, ["7 n-plus-one-read"]);
}

#[test]
fn a_class_that_a_container_is_asked_for_is_known() {
    let caller = "\
public class Jobs {
    public static void clear(String user) {
        Collection<String> names = Beans.find(TokenStoreImpl.class).names(user);
        Beans.find(TokenStoreImpl.class).forget(names);
        Beans.find(TokenLists.class).forget(names);
    }
}
";
    let found = called(JAVA, ("Jobs.java", caller));
    assert_eq!(found, ["4 del-for-bulk", "4 giant-multikey"]);
}

#[test]
fn an_object_and_a_class_that_extends_one_are_known() {
    let helper = "\
import redis.clients.jedis.JedisPool

open class CartStore(private val pool: JedisPool) {
    fun ids(shop: String): Set<String> = pool.resource.use { it.smembers(\"carts:$shop\") }
    fun cart(id: String): Map<String, String> = pool.resource.use { jedis -> jedis.hgetAll(\"cart:$id\") }
}
";
    let caller = "\
class CartReport(pool: Pool) : CartStore(pool) {
    fun all(shop: String) = ids(shop).map { cart(it) }
    fun one(id: String) = cart(id)
}
";
    let found = called(("CartStore.kt", helper), ("CartReport.kt", caller));
    assert_eq!(found, ["2 n-plus-one-read"]);
}

#[test]
fn static_methods_and_parts_of_a_class_are_known() {
    let helper = "\
using StackExchange.Redis;
public static partial class StockCache
{
    static IDatabase db = Connection.GetDatabase();
    static IServer server = Connection.GetServer();
    public static RedisKey[] Names(string shop) => server.Keys(pattern: $\"stock:{shop}:*\").ToArray();
    public static string Load(string name) => db.StringGet(name);
    public static void Drop(RedisKey[] names) { db.KeyDelete(names); }
}
";
    let caller = "\
public static partial class StockCache
{
    public static void Clear(string shop)
    {
        Drop(Names(shop));
    }
}
public class Report
{
    public List<string> All(string shop) => StockCache.Names(shop).Select(name => StockCache.Load(name)).ToList();
}
";
    let found = called(("StockCache.cs", helper), ("Report.cs", caller));
    assert_eq!(found, ["5 giant-multikey", "10 n-plus-one-read"]);
}
