//! What a file knows of functions in others that find keys, or read or delete the one that they are given.
//! Must not look into the auditor: a tree is audited as a user's would be.

use std::fs;

use keypace_audit::{Audit, Confidence, Options};
use tempfile::TempDir;

/// What is found in a tree at medium confidence and above, as `FILE:LINE RULE`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let folder = TempDir::new().expect("folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("write");
    }
    let report = Audit::new(Options::default()).run(&[folder.path().to_path_buf()]);
    let findings = report.expect("a report").findings;
    let shown = findings
        .iter()
        .filter(|own| own.confidence >= Confidence::Medium);
    shown
        .map(|own| format!("{}:{} {}", own.file, own.line, own.rule))
        .collect()
}

#[test]
fn a_context_is_no_key_that_another_file_reads() {
    let store = "\
package store

type Store struct { rdb *redis.Client }

func (s *Store) IDs(ctx context.Context) ([]string, error) {
	return s.rdb.SMembers(ctx, \"rows\").Result()
}

func (s *Store) Row(ctx context.Context, id string) (string, error) {
	return s.rdb.Get(ctx, \"row:\"+id).Result()
}
";
    let page = "\
package page

import \"app/store\"

type Page struct { store *store.Store }

func (p *Page) Rows(ctx context.Context) {
	ids, _ := p.store.IDs(ctx)
	for _, id := range ids {
		p.store.Row(ctx, id)
	}
}
";
    let store = format!("{store}\nimport \"github.com/redis/go-redis/v9\"\n");
    assert_eq!(
        found(&[("store.go", &store), ("page.go", page)]),
        ["page.go:10 n-plus-one-read"]
    );
}

#[test]
fn what_another_file_finds_under_a_key_found_is_a_read() {
    let queues = "\
import redis

r = redis.Redis()

def jobs_of(queue):
    return r.smembers('queue:' + queue)
";
    let page = "\
import redis
import queues

r = redis.Redis()

def rows():
    for queue in r.smembers('queues'):
        for job in queues.jobs_of(queue):
            print(job)

def row(queue):
    return queues.jobs_of(queue)
";
    assert_eq!(
        found(&[("queues.py", queues), ("page.py", page)]),
        ["page.py:8 n-plus-one-read"]
    );
}

const STORE_PY: &str = "\
import redis

class JobStore:
    def __init__(self, url):
        self.redis = redis.from_url(url)

    def ids(self):
        return self.redis.smembers('jobs')

    def load(self, job_id):
        return self.redis.hgetall(f'job:{job_id}')

    def forget(self, job_id):
        self.redis.delete(f'job:{job_id}')
";

#[test]
fn keys_that_another_file_finds_are_read_one_by_one() {
    let page = "\
from store import JobStore

class Page:
    def __init__(self, store: JobStore):
        self.store = store

    def rows(self):
        return [self.store.load(one) for one in self.store.ids()]

    def cleared(self):
        for one in self.store.ids():
            self.store.forget(one)

    def row(self, one):
        return self.store.load(one)
";
    let found = found(&[("store.py", STORE_PY), ("page.py", page)]);
    let wanted = ["page.py:8 n-plus-one-read", "page.py:12 del-for-bulk"];
    assert_eq!(found, wanted);
}

#[test]
fn another_store_is_none() {
    let page = "\
from files import FileStore

def rows(store: FileStore):
    return [store.load(one) for one in store.ids()]
";
    assert_eq!(found(&[("store.py", STORE_PY), ("page.py", page)]), [""; 0]);
}

#[test]
fn a_base_class_finds_for_its_own() {
    let base = "\
<?php
abstract class Index
{
    public function __construct(protected \\Redis $redis) {}
    protected function members(): array { return $this->redis->sMembers('index'); }
    protected function size(string $id): int { return $this->redis->hLen('row:' . $id); }
}
";
    let own = "\
<?php
final class Rows extends Index
{
    public function sizes(): array
    {
        $all = [];
        foreach ($this->members() as $id) {
            $all[$id] = $this->size($id);
        }
        return $all;
    }
}
";
    let found = found(&[("Index.php", base), ("Rows.php", own)]);
    assert_eq!(found, ["Rows.php:8 n-plus-one-read"]);
}

#[test]
fn a_module_walks_a_set_for_another() {
    let node = "\
defmodule App.Node do
  def members(cursor \\\\ 0, redis) do
    case Redix.command(redis, [\"SSCAN\", \"nodes\", cursor]) do
      {:ok, [\"0\", nodes]} -> {:ok, nodes}
      {:ok, [next, nodes]} -> {:more, nodes, next}
    end
  end

  def left(node, redis), do: Redix.command!(redis, [\"PTTL\", key(node)])

  defp key(node), do: \"node:\" <> node
end
";
    let manager = "\
defmodule App.Manager do
  def lost(cursor \\\\ 0) do
    case App.Node.members(cursor, App.Redis) do
      {:ok, nodes} -> gone(nodes)
      {:more, nodes, next} -> gone(nodes) ++ lost(next)
    end
  end

  defp gone(nodes) do
    Enum.filter(nodes, fn node -> App.Node.left(node, App.Redis) < 0 end)
  end
end
";
    let found = found(&[("node.ex", node), ("manager.ex", manager)]);
    assert_eq!(found, ["manager.ex:10 n-plus-one-read"]);
}

#[test]
fn functions_of_a_module_are_brought_in_by_name() {
    let store = "\
import redis

client = redis.Redis()

def list_ids():
    return client.zrange('queue', 0, -1)

def load_row(row_id):
    return client.get('row:' + row_id)
";
    let page = "\
from app.store import list_ids, load_row

def rows():
    return [load_row(one) for one in list_ids()]
";
    let other = "\
from app.files import list_ids, load_row

def rows():
    return [load_row(one) for one in list_ids()]
";
    let found = found(&[("store.py", store), ("page.py", page), ("other.py", other)]);
    assert_eq!(found, ["page.py:4 n-plus-one-read"]);
}

#[test]
fn what_a_module_makes_of_its_class_is_known_where_it_is_brought_in() {
    let store = format!("{STORE_PY}\njobs = JobStore('redis://localhost')\n");
    let page = "\
from app.store import jobs as waiting
from app.files import rows

def all():
    return [waiting.load(one) for one in waiting.ids()]

def other():
    return [rows.load(one) for one in rows.ids()]
";
    let found = found(&[("store.py", store.as_str()), ("page.py", page)]);
    assert_eq!(found, ["page.py:5 n-plus-one-read"]);
}

#[test]
fn another_class_of_the_same_name_has_its_own_members() {
    let own = "\
<?php
namespace App\\Drivers\\Kept;
/** @property \\Redis $instance */
class Driver
{
    public function names(): array { return $this->instance->keys('a:*'); }
}
";
    let other = "\
<?php
namespace App\\Drivers\\Other;
class Driver
{
    public function names(): array { return $this->instance->getAllKeys(); }
}
";
    let found = found(&[("Kept.php", own), ("Other.php", other)]);
    assert_eq!(
        found,
        ["Kept.php:6 keys-command", "Kept.php:6 unscoped-listing"]
    );
}

#[test]
fn words_are_sent_by_another_module() {
    let pool = "\
defmodule App.Pool do
  def q(command), do: :poolboy.transaction(:pool, fn conn -> Redix.command(conn, command) end)
  def names(pattern), do: q([\"KEYS\", pattern])
end
";
    let users = "\
defmodule App.Users do
  alias App.Pool

  def all(shop) do
    {:ok, names} = Pool.names(\"user:#{shop}:*\")
    Enum.map(names, fn name -> Pool.q([\"GET\", name]) end)
  end

  def others(names), do: Enum.map(names, fn name -> Http.q([\"GET\", name]) end)
end
";
    let found = found(&[("pool.ex", pool), ("users.ex", users)]);
    let wanted = ["pool.ex:3 keys-command", "users.ex:6 n-plus-one-read"];
    assert_eq!(found, wanted);
}

#[test]
fn what_a_test_clears_through_a_wrapper_is_its_own() {
    let store = "\
import redis

r = redis.Redis()

def clear_keys(prefix):
    for key in r.keys(prefix + '*'):
        r.unlink(key)
";
    let caller = "\
from store import clear_keys

def reset():
    clear_keys('job:')
";
    let folder = TempDir::new().expect("folder");
    for (name, text) in [
        ("store.py", store),
        ("reset.py", caller),
        ("test_reset.py", caller),
    ] {
        fs::write(folder.path().join(name), text).expect("write");
    }
    let options = Options::default().with_min_confidence(Confidence::Low);
    let report = Audit::new(options).run(&[folder.path().to_path_buf()]);
    let findings = report.expect("a report").findings;
    let told = findings.iter().filter(|own| own.rule == "keys-command");
    let told: Vec<String> = told
        .map(|own| format!("{}:{}", own.file, own.line))
        .collect();
    assert_eq!(told, ["reset.py:4", "store.py:6"]);
}

#[test]
fn a_function_named_like_keys_that_hands_on_a_walk_is_none() {
    let module = |body: &str| {
        format!(
            "\
defmodule Shop.Redis do
  def keys(pattern), do: {body}

  def walk(pattern, cursor, acc) do
    case Redix.command(:redix, [\"SCAN\", cursor, \"MATCH\", pattern, \"COUNT\", \"500\"]) do
      {{:ok, [\"0\", names]}} -> acc ++ names
      {{:ok, [next, names]}} -> walk(pattern, next, acc ++ names)
    end
  end
end
"
        )
    };
    let carts = "\
defmodule Shop.Carts do
  alias Shop.Redis

  def of(id), do: Redis.keys(\"cart:#{id}:*\")
end
";
    let told = |body: &str| {
        let mut told = found(&[("redis.ex", &module(body)), ("carts.ex", carts)]);
        told.retain(|own| own.ends_with("keys-command"));
        told
    };
    assert!(told("walk(pattern, \"0\", [])").is_empty());
    assert_eq!(
        told("Redix.command(:redix, [\"KEYS\", pattern])"),
        ["carts.ex:4 keys-command", "redis.ex:2 keys-command"]
    );
}

#[test]
fn a_reader_two_files_away_is_a_reader() {
    let rows = "\
import redis

r = redis.Redis()

def row_ids():
    return r.smembers('rows')

def row_by_id(row_id):
    return r.get('row:' + row_id)

def save_row(row_id, text):
    r.set('row:' + row_id, text)
";
    let packets = "\
import rows

def create_packet(row_id):
    return pack(rows.row_by_id(row_id))

def create_copy(row_id):
    rows.save_row(row_id + ':copy', rows.row_by_id(row_id))

def empty_packet(size):
    return pack(size)
";
    let lobby = "\
import packets
import rows

def joined(send):
    for row_id in rows.row_ids():
        send(packets.create_packet(row_id))

def copied():
    for row_id in rows.row_ids():
        packets.create_copy(row_id)

def padded(send):
    for size in rows.row_ids():
        send(packets.empty_packet(size))

def known(send):
    for row_id in ('head', 'foot'):
        send(packets.create_packet(row_id))
";
    let files = [
        ("rows.py", rows),
        ("packets.py", packets),
        ("lobby.py", lobby),
    ];
    assert_eq!(found(&files), ["lobby.py:6 n-plus-one-read"]);
}

#[test]
fn a_module_of_ruby_that_is_written_in_several_files_reads_by_what_it_is_extended_with() {
    let storage = "\
module Jobs::Storage
  def read_job(id)
    Sidekiq.redis { |conn| conn.hgetall(\"job:#{id}\") }
  end
end
";
    let jobs = "\
module Jobs
  extend Storage

  class << self
    def get_all(id)
      read_job(id)
    end
  end
end
";
    let web = "\
module Jobs
  module Web
    def self.page
      ids = Sidekiq.redis { |conn| conn.smembers('jobs') }
      ids.each do |id|
        show(Jobs.get_all(id))
      end
    end
  end
end
";
    let files = [("storage.rb", storage), ("jobs.rb", jobs), ("web.rb", web)];
    assert_eq!(found(&files), ["web.rb:6 n-plus-one-read"]);
}

#[test]
fn a_class_that_is_brought_in_by_another_name_is_the_same() {
    let store = "\
import { Redis } from 'ioredis';
export class CartStore {
  constructor(private readonly redis: Redis) {}
  async load(id: string) {
    return this.redis.hgetall(`cart:${id}`);
  }
}
";
    let page = "\
import { CartStore as Carts } from './store';
import { Redis } from 'ioredis';
import { Printer as Carton } from './printer';
export async function show(redis: Redis) {
  const carts = new Carts(redis);
  const carton = new Carton();
  for (const id of await redis.smembers('carts')) {
    carton.load(id);
    await carts.load(id);
  }
}
";
    assert_eq!(
        found(&[("store.ts", store), ("page.ts", page)]),
        ["page.ts:9 n-plus-one-read"]
    );
}
