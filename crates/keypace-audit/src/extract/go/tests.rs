//! Facts of Go texts.
//! Must not test the walk itself.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Go;

fn within(body: &str) -> String {
    format!("package p\nfunc f() {{\n{body}\n}}\n")
}

#[test]
fn imports_bind_the_name_that_a_package_has() {
    let text = "\
package p
import \"github.com/redis/go-redis/v9\"
import (
    radix \"github.com/mediocregopher/radix/v4\"
    \"gopkg.in/redis.v5\"
    \"github.com/gomodule/redigo/redis\"
    . \"x/y\"
    _ \"x/z\"
)
";
    assert_eq!(
        imports(Go, text),
        [
            "github.com/redis/go-redis/v9: *=redis",
            "github.com/mediocregopher/radix/v4: *=radix",
            "gopkg.in/redis.v5: *=redis",
            "github.com/gomodule/redigo/redis: *=redis",
            "x/y",
            "x/z"
        ]
    );
}

#[test]
fn types_say_fields_and_what_they_embed() {
    let text = "\
package p
type Store struct {
    rdb, old *redis.Client
    redis.UniversalClient
    *Base
}
type Doer interface {
    redis.Cmdable
    Redis() redis.UniversalClient
}
type Client = redis.Client
type Fn func(int) error
";
    assert_eq!(
        classes(Go, text),
        [
            "Store(redis.UniversalClient, Base) rdb: *redis.Client, old: *redis.Client, UniversalClient: redis.UniversalClient, Base: Base",
            "Doer(redis.Cmdable)",
            "Client(redis.Client)"
        ]
    );
    assert_eq!(
        functions(Go, text),
        ["Redis() -> redis.UniversalClient of Doer"]
    );
}

#[test]
fn functions_say_types_and_the_receiver_last() {
    let text = "\
package p
func (s *Store) Find(ctx context.Context, a, b string, more ...int) ([]string, error) { return s.rdb.Keys(ctx, a).Result() }
func Map[T any](xs []T) T { g := func(k string) { use(k) }; g(\"\") }
";
    assert_eq!(
        functions(Go, text),
        [
            "Find(ctx: context.Context, a: string, b: string, more: ...int, s: *Store) -> []string",
            "Map(xs: []T) -> T",
            "g(k: string) in Map"
        ]
    );
    assert_eq!(
        calls(Go, text),
        [
            "s.rdb.Keys(ctx, a) -> receiver of Result in Find",
            "Keys().Result() -> returned in Find",
            "use(k) -> discarded in g",
            "g(\"\") -> discarded in Map"
        ]
    );
}

#[test]
fn calls_say_what_they_are_given_and_where_results_go() {
    let text = within(
        "\
keys, err := rdb.Keys(ctx, fmt.Sprintf(\"user:%s:*\", id())).Result()
if err := rdb.Del(ctx, keys...).Err(); err != nil { return nil, err }
rdb.Do(ctx, \"KEYS\", \"a\\t\" + b).Val()
defer rdb.Close()
go func() { pool.Get().Do(\"KEYS\", []byte(\"*\")) }()
reply, err := redis.Strings(conn.Do(\"LRANGE\", k, 0, -1))
rdb := redis.NewClient(&redis.Options{Addr: addr()})
client.Do(client.B().Keys().Pattern(\"*\").Build())
x.client().rdb.FlushAll(ctx)
lo.Map[string, int](xs, 1)",
    );
    assert_eq!(
        calls(Go, &text),
        [
            "id() -> other in f",
            "rdb.Keys(ctx, \"user:{}:*\") -> receiver of Result in f",
            "Keys().Result() -> bound keys, err in f",
            "rdb.Del(ctx, *keys) -> receiver of Err in f",
            "Del().Err() -> bound err in f",
            "rdb.Do(ctx, \"KEYS\", \"a\\t{}\") -> receiver of Val in f",
            "Do().Val() -> discarded in f",
            "rdb.Close() -> discarded in f",
            "pool.Get() -> receiver of Do in ",
            "Get().Do(\"KEYS\", \"*\") -> discarded in ",
            "conn.Do(\"LRANGE\", k, 0, -1) -> argument of Strings in f",
            "redis.Strings(Do()) -> bound reply, err in f",
            "addr() -> argument of Options in f",
            "redis.new Options(Addr=addr()) -> argument of NewClient in f",
            "redis.NewClient(Options()) -> bound rdb in f",
            "client.B() -> receiver of Keys in f",
            "B().Keys() -> receiver of Pattern in f",
            "Keys().Pattern(\"*\") -> receiver of Build in f",
            "Pattern().Build() -> argument of Do in f",
            "client.Do(Build()) -> discarded in f",
            "x.client() -> other in f",
            "client().rdb.FlushAll(ctx) -> discarded in f",
            "lo.Map(xs, 1) -> discarded in f"
        ]
    );
}

#[test]
fn bindings_pair_names_with_values() {
    let text = format!(
        "{}var (\n  rdb *redis.Client\n  p, q = \"a\", 1\n)\nconst all = \"user:\" + \"*\"\n",
        within(
            "\
a, _ := f(), 2
s.m[\"x\"] = list[1:2]
s.cursor = next
total += 3
m := map[string]string{\"a\": \"b\", key(): \"c\"}
v, ok := x.(string)
rows := []T{{Name: \"n\"}, {1}}"
        )
    );
    assert_eq!(
        bindings(Go, &text),
        [
            "a = f()",
            " = 2",
            "s.m = list[:]",
            "s.cursor = next",
            "m = {a: \"b\", : \"c\"}",
            "v, ok = x",
            "rows = [{Name: \"n\"}, [1]]",
            "rdb: *redis.Client = ...",
            "p = \"a\"",
            "q = 1",
            "all = \"user:*\""
        ]
    );
}

#[test]
fn loops_know_what_they_go_over() {
    let text = within(
        "\
for _, k := range keys { rdb.Get(ctx, k) }
for i := 0; i < n; i++ { one() }
for cursor != 0 { }
for iter.Next(ctx) { }
for { }
for range 3 { }",
    );
    assert_eq!(
        loops(Go, &text),
        [
            "each k of keys",
            "while [i] [n]",
            "while [cursor]",
            "while [iter] [ctx]",
            "while",
            "each  of 3"
        ]
    );
    assert_eq!(
        calls(Go, &text),
        [
            "rdb.Get(ctx, k) -> discarded in f @0",
            "one() -> discarded in f @1",
            "iter.Next(ctx) -> other in f @3"
        ]
    );
}

#[test]
fn raw_strings_keep_their_lines() {
    let text = "package p\nvar script = `\nreturn redis.call('KEYS', \"\\d\")\n`\n";
    assert_eq!(
        texts(Go, text),
        ["24..57 \"\\nreturn redis.call('KEYS', \\\"\\\\d\\\")\\n\""]
    );
}
