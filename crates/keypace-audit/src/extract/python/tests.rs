//! Facts of Python texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Python;

#[test]
fn imports_bind_modules_and_names() {
    let text = "import redis\nimport redis.asyncio as aioredis\nfrom redis import Redis as R, ConnectionPool\n";
    assert_eq!(
        imports(Python, text),
        [
            "redis: *=redis",
            "redis.asyncio: *=aioredis",
            "redis: Redis=R, ConnectionPool=ConnectionPool"
        ]
    );
}

#[test]
fn calls_stand_in_the_order_they_run_and_say_where_their_result_goes() {
    let text = "\
r = redis.Redis(host='x')
keys = r.keys('user:*')
r.delete(*r.keys(f'user:{uid}:*'))
cursor, page = await r.scan(cursor=0, match='a' + b + '*')
def f(self):
    r.flushdb()
    return self.r.keys('%s:*' % name)
g = lambda: r.keys('{}:*'.format(name))
";
    assert_eq!(
        calls(Python, text),
        [
            "redis.new Redis(host=\"x\") -> bound r",
            "r.keys(\"user:*\") -> bound keys",
            "r.keys(\"user:{}:*\") -> argument of delete",
            "r.delete(*keys()) -> discarded",
            "r.scan(cursor=0, match=\"a{}*\") -> bound cursor, page",
            "r.flushdb() -> discarded in f",
            "self.r.keys(\"{}:*\") -> returned in f",
            "r.keys(\"{}:*\") -> returned in g",
        ]
    );
}

#[test]
fn loops_know_what_they_go_over() {
    let text = "\
for key in r.scan_iter('a*'):
    r.get(key)
while cursor != 0 and not self.done:
    cursor, keys = r.scan(cursor)
vals = [r.get(k) for k in keys if r.exists(k)]
list(map(lambda k: r.get(k), keys))
";
    assert_eq!(
        loops(Python, text),
        [
            "each key of scan_iter()",
            "while [cursor] [self.done]",
            "gather each k of keys",
            "callback k of keys by map"
        ]
    );
    assert_eq!(
        calls(Python, text),
        [
            "r.scan_iter(\"a*\") -> iterated",
            "r.get(key) -> discarded @0",
            "r.scan(cursor) -> bound cursor, keys @1",
            "r.get(k) -> other @2",
            "r.exists(k) -> other @2",
            "r.get(k) -> returned in  @3",
            "map(fn, keys) -> argument of list",
            "list(map()) -> discarded",
        ]
    );
    assert_eq!(
        bindings(Python, text),
        ["cursor, keys = scan()", "vals = gathered"]
    );
}

#[test]
fn classes_and_functions_say_types_and_marks() {
    let text = "\
class Store(Base[str], metaclass=M):
    client: Redis
    @app.task(bind=True)
    async def run(self, r: 'redis.Redis', n: int = size(), *args) -> Redis[str]: pass
";
    assert_eq!(classes(Python, text), ["Store(Base) client: Redis"]);
    assert_eq!(
        functions(Python, text),
        ["run(self, r: 'redis.Redis', n: int, args) -> Redis[str] #app.task of Store"]
    );
    assert_eq!(
        calls(Python, text),
        [
            "size() -> other in run",
            "app.task(bind=...) -> other in run"
        ]
    );
}

#[test]
fn texts_are_kept_whole() {
    let text = "script = '''\nreturn redis.call('KEYS', ARGV[1])\n'''\nx = 'short'\n";
    assert_eq!(
        texts(Python, text),
        ["12..48 \"\\nreturn redis.call('KEYS', ARGV[1])\\n\""]
    );
}

#[test]
fn each_value_of_a_choice_goes_the_same_way() {
    let text = "\
x = r.keys('a*') if wanted() else r.keys('b*')
def f():
    return given or self.r.scan(0) or make(r.get('k'))
ok and r.flushall()
";
    assert_eq!(
        calls(Python, text),
        [
            "wanted() -> other",
            "r.keys(\"a*\") -> bound x",
            "r.keys(\"b*\") -> bound x",
            "self.r.scan(0) -> returned in f",
            "r.get(\"k\") -> argument of make in f",
            "make(get()) -> returned in f",
            "r.flushall() -> discarded",
        ]
    );
}
