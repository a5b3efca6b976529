//! What is read of Ruby.
//! Must not know Redis.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Ruby;

#[test]
fn requires_are_imports() {
    let text = "require 'redis'\nrequire_relative \"../config\"\n";
    assert_eq!(imports(Ruby, text), ["redis", "../config"]);
}

#[test]
fn calls_with_and_without_parentheses_say_where_their_result_goes() {
    let text = r##"
$redis = Redis.new(url: ENV["REDIS_URL"])
keys = $redis.keys "user:#{id}:*"
@redis&.del(*@redis.keys('a' + "b*"))
cursor, page = redis.scan(cursor, match: "a*", :count => 100)
def all
  log "x"
  @redis.keys(format("%s:*", prefix)) if @redis
end
def flush = redis.flushdb
keys << redis.call(*%w[KEYS *])
@redis ||= opts[:redis] || Redis.new
`redis-cli keys '*'`
"##;
    assert_eq!(
        calls(Ruby, text),
        [
            "Redis.new new(url=ENV[]) -> bound redis",
            "redis.keys(\"user:{}:*\") -> bound keys",
            "self.redis.keys(\"ab*\") -> argument of del",
            "self.redis.del(*keys()) -> discarded",
            "redis.scan(cursor, match=\"a*\", count=100) -> bound cursor, page",
            "log(\"x\") -> discarded in all",
            "self.redis.keys(\"{}:*\") -> returned in all",
            "redis.flushdb() -> returned in flush",
            "redis.call(\"KEYS\", \"*\") -> argument of <<",
            "keys.<<(call()) -> discarded",
            "Redis.new new() -> bound self.redis",
            "system(\"redis-cli keys '*'\") -> discarded",
        ]
    );
}

#[test]
fn a_member_that_reads_like_a_call_is_both() {
    let text = "cache = Rails.cache\nRails.cache.delete_matched('a*')\nredis.scan_each.to_a\n";
    assert_eq!(bindings(Ruby, text), ["cache = Rails.cache"]);
    assert_eq!(
        calls(Ruby, text),
        [
            "Rails.cache() -> other",
            "Rails.cache() -> other",
            "Rails.cache.delete_matched(\"a*\") -> discarded",
            "redis.scan_each() -> receiver of to_a",
            "scan_each().to_a() -> discarded",
        ]
    );
}

#[test]
fn blocks_and_modifiers_are_loops() {
    let text = "\
redis.scan_each(match: 'a*') { |key| redis.del(key) }
redis.keys('a*').each_slice(100) do |(a, b), c|
  redis.del(a)
end
keys.map { redis.get(_1) }
loop do
  cursor, keys = redis.scan(cursor)
  break if cursor == '0'
end
begin
  cursor, keys = redis.scan(cursor)
end until cursor.zero?
for key in keys do redis.get(key) end
redis.with { |conn| conn.keys('*') }
";
    assert_eq!(
        loops(Ruby, text),
        [
            "callback key of redis by scan_each",
            "callback a, b, c of keys() by each_slice",
            "callback _1 of keys by map",
            "while",
            "while [cursor]",
            "each key of keys",
        ]
    );
    assert_eq!(
        calls(Ruby, text),
        [
            "redis.del(key) -> returned in  @0",
            "redis.scan_each(match=\"a*\", fn) -> discarded",
            "redis.keys(\"a*\") -> receiver of each_slice",
            "redis.del(a) -> returned in  @1",
            "keys().each_slice(100, fn) -> discarded",
            "redis.get(_1) -> returned in  @2",
            "keys.map(fn) -> discarded",
            "redis.scan(cursor) -> bound cursor, keys @3",
            "cursor.zero() -> other @4",
            "redis.scan(cursor) -> bound cursor, keys @4",
            "redis.get(key) -> other @5",
            "conn.keys(\"*\") -> returned in ",
            "redis.with(fn) -> discarded",
        ]
    );
}

#[test]
fn classes_have_their_mixins_and_methods_their_parameters() {
    let text = "\
module App
  class Store < Base::Store
    include Redis::Objects
    REDIS = Redis.new.freeze
    def initialize(redis: Redis.current, ttl = 1, *rest, &block)
      @redis = redis
      @@pool, self.name = nil, ttl
    end
    def self.all(prefix) = new.all(prefix)
  end
end
";
    assert_eq!(
        classes(Ruby, text),
        ["App()", "Store(Base::Store, Redis::Objects)"]
    );
    assert_eq!(
        functions(Ruby, text),
        [
            "initialize(redis, ttl, rest, block) of Store",
            "all(prefix) of Store"
        ]
    );
    assert_eq!(
        bindings(Ruby, text),
        [
            "REDIS = new()",
            "self.redis = redis",
            "self.pool, self.name = [..., ttl]"
        ]
    );
}

#[test]
fn a_heredoc_has_the_text_that_stands_below_it() {
    let text = "\
redis.eval(<<~LUA, keys: [k])
  return redis.call('KEYS', '#{prefix}')
LUA
SCRIPT = <<-'EOS'.freeze
  plain
EOS
";
    assert_eq!(
        calls(Ruby, text),
        ["redis.eval(\"\\n  return redis.call('KEYS', '{}')\\n\", keys=[k]) -> discarded"]
    );
    assert_eq!(bindings(Ruby, text), ["SCRIPT = \"\\n  plain\\n\""]);
    assert_eq!(
        texts(Ruby, text),
        [
            "29..71 \"\\n  return redis.call('KEYS', '\u{fffd}')\\n\"",
            "99..108 \"\\n  plain\\n\""
        ]
    );
}

#[test]
fn a_symbol_given_as_block_is_a_call_on_what_the_block_is_given() {
    let text = "Sidekiq.redis(&:flushdb)\nredis.keys('a*').map(&:to_i)\nredis.call(*%w[KEYS a*])\n";
    assert_eq!(
        calls(Ruby, text),
        [
            "&.flushdb() -> returned in ",
            "Sidekiq.redis(fn) -> discarded",
            "redis.keys(\"a*\") -> receiver of map",
            "&.to_i() -> returned in  @0",
            "keys().map(fn) -> discarded",
            "redis.call(\"KEYS\", \"a*\") -> discarded",
        ]
    );
    assert_eq!(loops(Ruby, text), ["callback & of keys() by map"]);
}
