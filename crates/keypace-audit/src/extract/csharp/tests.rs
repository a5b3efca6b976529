//! Facts of C# texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::CSharp;

fn within(body: &str) -> String {
    format!("class C {{\n  async Task F() {{\n{body}\n  }}\n}}\n")
}

#[test]
fn imports_are_namespaces_and_aliases() {
    let text = "\
using StackExchange.Redis;
global using static Acme.Helpers;
using R = StackExchange.Redis.IDatabase;
";
    assert_eq!(
        imports(CSharp, text),
        [
            "StackExchange.Redis",
            "Acme.Helpers",
            "StackExchange.Redis: IDatabase=R"
        ]
    );
}

#[test]
fn classes_say_fields_and_supertypes() {
    let text = "\
namespace A.B;
public sealed class Store<T>(IServer server) : Base<T>(server), ICache where T : class
{
    private readonly IDatabase _db, other = Make();
    public IConnectionMultiplexer Mux { get; set; } = Connect();
    public IServer Server => Mux.GetServer(\"h\");
}
public record P(IDatabase Db) : Q;
struct S { IDatabase? d; }
";
    assert_eq!(
        classes(CSharp, text),
        [
            "Store(Base, ICache) server: IServer, _db: IDatabase, other: IDatabase, Mux: IConnectionMultiplexer, Server: IServer",
            "P(Q) Db: IDatabase",
            "S() d: IDatabase?"
        ]
    );
    assert_eq!(
        bindings(CSharp, text),
        [
            "_db: IDatabase = ...",
            "other: IDatabase = Make()",
            "Mux: IConnectionMultiplexer = Connect()",
            "Server: IServer = GetServer()",
            "d: IDatabase? = ..."
        ]
    );
}

#[test]
fn functions_say_types_and_attributes() {
    let text = "\
class C {
    public C(IDatabase db, params string[] more) : base(db) { }
    [HttpGet(\"x\")] public async Task<List<string>> Find<K>([From] string id, int n = 1) { return null; }
    string One(string p) => _db.Run(p);
    IServer Two { get { return Mux.Get(); } }
    static void Clear(this IDatabase db) { void Local(int a) { } Run(k => One(k), async (a, b) => { Two(); }, delegate (int x) { return x; }); }
}
";
    assert_eq!(
        functions(CSharp, text),
        [
            "C(db: IDatabase, more: string[]) of C",
            "Find(id: string, n: int) -> Task<List<string>> #HttpGet of C",
            "One(p: string) -> string of C",
            "Two() of C",
            "Clear(db: IDatabase) of C",
            "Local(a: int) of C in Clear",
            "(k) of C in Clear",
            "(a, b) of C in Clear",
            "(x: int) of C in Clear"
        ]
    );
    assert_eq!(
        calls(CSharp, text),
        [
            "base(db) -> other in C",
            "_db.Run(p) -> returned in One",
            "Mux.Get() -> returned in Two",
            "One(k) -> returned in ",
            "Two() -> discarded in ",
            "Run(fn, fn, fn) -> discarded in Clear"
        ]
    );
}

#[test]
fn calls_say_what_they_are_given_and_where_results_go() {
    let text = within(
        "\
var keys = server.Keys(pattern: $\"user:{id()}:*\", pageSize: 10).ToArray();
await _db.KeyDeleteAsync(keys, CommandFlags.FireAndForget);
var r = (string[])_db.Execute(\"KEYS\", string.Format(\"a:{0}:*\", x));
var s = await _db?.ScriptEvaluateAsync(@\"return redis.call('KEYS', \"\"a\"\")\");
Mux()?.Server.Keys(0, \"a\" + b);
a?.B.Run(1);
redis.Run<string>(\"x\")!.Go();
IDatabase t = new();
var o = new Options { A = 1, B = { \"h\" } };
var many = new List<string> { \"a\" };
int.TryParse(\"1\", out var parsed);
var v = _db.Get(k) ?? other.Get(k);
var w = x switch { 1 => One(), _ => Two() };",
    );
    assert_eq!(
        calls(CSharp, &text),
        [
            "id() -> other in F",
            "server.Keys(pattern=\"user:{}:*\", pageSize=10) -> receiver of ToArray in F",
            "Keys().ToArray() -> bound keys in F",
            "_db.KeyDeleteAsync(keys, CommandFlags.FireAndForget) -> discarded in F",
            "_db.Execute(\"KEYS\", \"a:{}:*\") -> bound r in F",
            "_db.ScriptEvaluateAsync(\"return redis.call('KEYS', \\\"a\\\")\") -> bound s in F",
            "Mux() -> other in F",
            "Mux().Server.Keys(0, \"a{}\") -> discarded in F",
            "a.B.Run(1) -> discarded in F",
            "redis.Run(\"x\") -> receiver of Go in F",
            "Run().Go() -> discarded in F",
            "new IDatabase() -> bound t in F",
            "new Options(A=1, B=[\"h\"]) -> bound o in F",
            "int.TryParse(\"1\", ...) -> discarded in F",
            "_db.Get(k) -> bound v in F",
            "other.Get(k) -> bound v in F",
            "One() -> bound w in F",
            "Two() -> bound w in F"
        ]
    );
}

#[test]
fn bindings_say_types() {
    let text = within(
        "\
using var c = Connect();
using (IDatabase d = Open()) { }
_db = db ?? throw new E();
this._db ??= db;
var (a, _) = Pair();
(a, x.b) = Pair();
arr[0] = \"x\";
count += 1;
if (o is IServer s && s.Ok()) { }
foreach (IServer node in mux.GetServers()) { }
RedisKey[] raw = [\"a\", ..rest];
string[] old = { \"b\" };
var rng = old[1..2];",
    );
    assert_eq!(
        bindings(CSharp, &text),
        [
            "c = Connect()",
            "d: IDatabase = Open()",
            "_db = db",
            "self._db = db",
            "a,  = Pair()",
            "a, x.b = Pair()",
            " = \"x\"",
            "s: IServer = ...",
            "node: IServer = ...",
            "raw: RedisKey[] = [\"a\", *rest]",
            "old: string[] = [\"b\"]",
            "rng = old[:]"
        ]
    );
}

#[test]
fn loops_know_what_they_go_over() {
    let text = within(
        "\
foreach (var k in keys) { await _db.StringGetAsync(k); }
await foreach (var k in server.KeysAsync()) { }
foreach (var (a, b) in map) { }
for (int i = 0; i < n; i++) { }
do { } while (cursor != 0);
keys.Select(k => _db.StringGet(k)).ToList();
var q = from k in keys select _db.StringGet(k);",
    );
    assert_eq!(
        loops(CSharp, &text),
        [
            "each k of keys",
            "each k of KeysAsync()",
            "each a, b of map",
            "while [i] [n]",
            "while [cursor]",
            "callback k of keys by Select",
            "each k of keys"
        ]
    );
    assert_eq!(
        calls(CSharp, &text),
        [
            "_db.StringGetAsync(k) -> discarded in F @0",
            "server.KeysAsync() -> iterated in F",
            "_db.StringGet(k) -> returned in  @5",
            "keys.Select(fn) -> receiver of ToList in F",
            "Select().ToList() -> discarded in F",
            "_db.StringGet(k) -> other in F @6"
        ]
    );
}

#[test]
fn verbatim_strings_stand_without_their_quotes() {
    let text = "class C { string s = @\"say \"\"x\"\" here\"; }";
    assert_eq!(texts(CSharp, text), ["23..37 \"say \\\"x\\\" here\""]);
}

#[test]
fn raw_strings_keep_their_lines() {
    let text = "class C { string s = \"\"\"\n  redis.call('KEYS', \"a\")\n  \"\"\"; }";
    assert_eq!(
        texts(CSharp, text),
        ["24..53 \"\\n  redis.call('KEYS', \\\"a\\\")\\n  \""]
    );
}
