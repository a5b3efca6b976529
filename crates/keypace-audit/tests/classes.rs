//! What the files of a tree tell each other of their classes: who runs KEYS, and who has a client as a member.
//! Must not look into the auditor: a tree is audited as a user's would be.

use std::fs;

use keypace_audit::{Audit, Confidence, Options};
use tempfile::TempDir;

/// What is found in a tree, as `FILE:LINE RULE`, at high confidence.
fn sure(files: &[(&str, &str)]) -> Vec<String> {
    found(files, Confidence::High)
}

/// The same, at a confidence and above.
fn found(files: &[(&str, &str)], least: Confidence) -> Vec<String> {
    let folder = TempDir::new().expect("folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("write");
    }
    let report = Audit::new(Options::default()).run(&[folder.path().to_path_buf()]);
    let findings = report.expect("a report").findings;
    let sure = findings.iter().filter(|own| own.confidence >= least);
    sure.map(|own| format!("{}:{} {}", own.file, own.line, own.rule))
        .collect()
}

const HELPER: &str = "\
import org.springframework.data.redis.core.StringRedisTemplate;
public class RedisStore {
    private final StringRedisTemplate template;
    public RedisStore(StringRedisTemplate template) { this.template = template; }
    public Set<String> keys(String pattern) { return template.keys(pattern); }
}
";

#[test]
fn a_method_that_runs_keys_makes_its_callers_sure() {
    let caller = "\
public class Page {
    private final RedisStore redisStore;
    public Page(RedisStore redisStore) { this.redisStore = redisStore; }
    public int size(String user) { return redisStore.keys(\"page:\" + user + \":*\").size(); }
}
";
    let found = sure(&[("RedisStore.java", HELPER), ("Page.java", caller)]);
    let wanted = ["Page.java:4 keys-command", "RedisStore.java:5 keys-command"];
    assert_eq!(found, wanted);
}

#[test]
fn another_class_of_such_a_name_does_not() {
    let caller = "\
public class Page {
    private final PageMap redisStore;
    public Page(PageMap redisStore) { this.redisStore = redisStore; }
    public int size(String user) { return redisStore.keys(\"page:\" + user + \":*\").size(); }
}
";
    let found = sure(&[("RedisStore.java", HELPER), ("Page.java", caller)]);
    assert_eq!(found, ["RedisStore.java:5 keys-command"]);
}

#[test]
fn a_client_of_a_base_class_is_one_in_classes_that_extend_it() {
    let base = "\
import redis

class Base:
    def __init__(self, url):
        self.backend = redis.Redis.from_url(url)
";
    let child = "\
from app.base import Base

class Sessions(Base):
    def names(self, user):
        return self.backend.keys(f\"session:{user}:*\")
";
    let stranger = "\
class Registry:
    def names(self, user):
        return self.backend.keys(f\"session:{user}:*\")
";
    let found = sure(&[
        ("base.py", base),
        ("sessions.py", child),
        ("registry.py", stranger),
    ]);
    assert_eq!(found, ["sessions.py:5 keys-command"]);
}

const READER: &str = "\
defmodule App.Store do
  def read_map(key), do: Redix.command!(:redix, [\"HGETALL\", key])
end
";

/// A page that reads what `alias MODULE` stands for, once for every key found.
fn page(module: &str) -> String {
    format!(
        "\
defmodule App.Page do
  alias {module}
  def all(conn) do
    conn |> Redix.command!([\"SMEMBERS\", \"tags\"]) |> Enum.map(&get_tag/1)
  end
  defp get_tag(id), do: Store.read_map(\"tag:#{{id}}\")
  def one(id), do: Store.read_map(\"tag:#{{id}}\")
end
"
    )
}

#[test]
fn a_function_of_another_module_that_reads_a_key_is_a_read() {
    let page = page("App.Store");
    let files = [("store.ex", READER), ("page.ex", page.as_str())];
    let found = found(&files, Confidence::Medium);
    assert_eq!(found, ["page.ex:4 n-plus-one-read"]);
}

#[test]
fn a_module_of_that_name_that_is_another_is_none() {
    let page = page("Other.Store");
    let files = [("store.ex", READER), ("page.ex", page.as_str())];
    assert_eq!(found(&files, Confidence::Medium), [""; 0]);
}

const OWN_FLUSH: &str = "\
const { client } = require('./redis');
class RedisCache {
  async flushAll() {
    const names = await client.smembers('cached');
    await client.unlink(names.slice(0, 100));
  }
}
exports.redisCache = new RedisCache();
";

const CALLER_OF_FLUSH: &str = "\
const { redisCache } = require('./cache');
exports.begin = () => redisCache.flushAll();
";

#[test]
fn a_cache_that_deletes_its_own_names_does_not_flush() {
    let files = [("cache.js", OWN_FLUSH), ("begin.js", CALLER_OF_FLUSH)];
    let found = found(&files, Confidence::Medium);
    assert!(
        !found.iter().any(|own| own.contains("flush-command")),
        "{found:?}"
    );
}

#[test]
fn where_another_file_does_flush_its_callers_may_mean_that() {
    let other = "\
const Redis = require('ioredis');
const client = new Redis();
exports.flushAll = async function flushAll() { await client.flushall(); };
";
    let files = [
        ("cache.js", OWN_FLUSH),
        ("begin.js", CALLER_OF_FLUSH),
        ("admin.js", other),
    ];
    let found = found(&files, Confidence::Medium);
    let wanted = ["admin.js:3 flush-command", "begin.js:2 flush-command"];
    for own in wanted {
        assert!(found.iter().any(|it| it == own), "{found:?}");
    }
}

#[test]
fn what_a_class_of_another_file_has_as_a_client_is_one_where_the_class_is_made() {
    let store = "\
from redis import Redis
class Shelves:
    @property
    def rows(self) -> Redis:
        return Redis()
class Paper:
    def __init__(self):
        self.lines = {}
";
    let tool = "\
from store import Paper, Shelves
shelves = Shelves()
paper = Paper()
for name in shelves.rows.smembers('names'):
    print(shelves.rows.get(f'row:{name}'))
    print(paper.lines.get(name))
";
    let found = sure(&[("store.py", store), ("tool.py", tool)]);
    assert_eq!(found, ["tool.py:5 n-plus-one-read"]);
}

#[test]
fn what_a_test_lists_by_a_class_around_a_client_is_its_own() {
    let test = "\
import io.vertx.redis.client.Redis;
public class ParcelsTest {
    private final RedisService redisService = new RedisService();
    public void lists() { redisService.scanCluster(\"parcel:*\"); }
}
";
    let page = test.replace("ParcelsTest", "Parcels");
    let files = [("ParcelsTest.java", test), ("Parcels.java", &page)];
    assert_eq!(
        found(&files, Confidence::Medium),
        ["Parcels.java:4 unscoped-listing"]
    );
}
