//! What the files of a tree tell each other of their functions: who gives the keys that it finds, and who reads a key.
//! Must not look into the auditor: a tree is audited as a user's would be.

use std::fs;

use keypace_audit::{Audit, Confidence, Options};
use tempfile::TempDir;

/// What is found in a tree at medium confidence and above, as `FILE:LINE RULE`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let folder = TempDir::new().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, text).expect("write");
    }
    let options = Options::default().with_min_confidence(Confidence::Medium);
    let report = Audit::new(options).run(&[folder.path().to_path_buf()]);
    let findings = report.expect("a report").findings;
    let told = findings.iter().filter(|own| own.rule == "n-plus-one-read");
    told.map(|own| format!("{}:{}", own.file, own.line))
        .collect()
}

const STORE_GO: &str = "\
package store

import \"github.com/redis/go-redis/v9\"

type JobStore struct{ client *redis.Client }

func (s *JobStore) ListIDs(ctx context.Context) ([]string, error) {
\tkeys, err := s.client.Keys(ctx, \"job:*\").Result()
\tif err != nil {
\t\treturn nil, err
\t}
\tids := make([]string, 0, len(keys))
\tfor _, key := range keys {
\t\tids = append(ids, key[4:])
\t}
\treturn ids, nil
}

func (s *JobStore) Load(ctx context.Context, id string) ([]byte, error) {
\treturn s.client.Get(ctx, \"job:\"+id).Bytes()
}
";

/// A page that loads each job, with the store declared as this.
fn page_go(store: &str) -> String {
    format!(
        "\
package page

type Page struct {{ jobs {store} }}

func (p *Page) one(ctx context.Context, id string) ([]byte, error) {{
\treturn p.jobs.Load(ctx, id)
}}

func (p *Page) All(ctx context.Context) [][]byte {{
\tids, _ := p.jobs.ListIDs(ctx)
\tvar out [][]byte
\tfor _, id := range ids {{
\t\tdata, _ := p.one(ctx, id)
\t\tout = append(out, data)
\t}}
\treturn out
}}
"
    )
}

#[test]
fn a_store_of_another_package_lists_and_reads() {
    let page = page_go("*store.JobStore");
    let found = found(&[("store/jobs.go", STORE_GO), ("page/page.go", &page)]);
    assert_eq!(found, ["page/page.go:13"]);
}

#[test]
fn another_type_with_such_methods_does_not() {
    let page = page_go("*files.Folder");
    let found = found(&[("store/jobs.go", STORE_GO), ("page/page.go", &page)]);
    assert_eq!(found, [""; 0]);
}

const STORE_JS: &str = "\
const redis = require('redis');
const client = redis.createClient();
const settle = (resolve, reject) => (error, value) => (error ? reject(error) : resolve(value));
module.exports = {
  members: (key) => new Promise((a, b) => client.smembers(key, settle(a, b))),
  read: (key) => new Promise((a, b) => client.get(key, settle(a, b))),
};
";

#[test]
fn functions_that_a_module_gives_are_known_by_their_names() {
    let page = "\
const { members, read } = require('./store');
exports.all = async () => {
  const ids = await members('online');
  const out = [];
  for (const id of ids) {
    out.push(await read(`user:${id}`));
  }
  return out;
};
";
    let found = found(&[("store.js", STORE_JS), ("page.js", page)]);
    assert_eq!(found, ["page.js:6"]);
}

#[test]
fn those_of_another_module_are_not() {
    let page = "\
const { members, read } = require('./folder');
exports.all = async () => {
  for (const id of await members('online')) {
    await read(`user:${id}`);
  }
};
";
    assert_eq!(found(&[("store.js", STORE_JS), ("page.js", page)]), [""; 0]);
}

const STORE_TS: &str = "\
import { Redis } from 'ioredis';
export class SessionStore {
  constructor(private readonly redis: Redis) {}
  async everyKey(): Promise<string[]> {
    const keys: string[] = [];
    for await (const page of this.redis.scanStream({ match: 'session:*', count: 500 })) {
      keys.push(...page);
    }
    return keys;
  }
  async load(id: string): Promise<string | null> {
    return this.redis.get(id);
  }
}
";

#[test]
fn a_class_that_is_injected_is_known_by_its_type() {
    let page = "\
import { SessionStore } from './session.store';
export class Page {
  constructor(private readonly sessions: SessionStore) {}
  async all(): Promise<(string | null)[]> {
    const keys = await this.sessions.everyKey();
    return Promise.all(keys.map((key) => this.sessions.load(key)));
  }
  async some(ids: string[]): Promise<(string | null)[]> {
    return Promise.all(ids.map((id) => this.sessions.load(id)));
  }
}
";
    let found = found(&[("session.store.ts", STORE_TS), ("page.ts", page)]);
    assert_eq!(found, ["page.ts:6"]);
}

#[test]
fn a_client_that_a_file_with_dots_in_its_name_makes_is_one() {
    let made = "import Redis from 'ioredis';\nexport const keeper = new Redis();\n";
    let page = "\
import { keeper } from './keeper.config';
export async function all(): Promise<(string | null)[]> {
  const keys = await keeper.keys('session:*');
  return Promise.all(keys.map((key) => keeper.get(key)));
}
";
    let found = found(&[("keeper.config.ts", made), ("page.ts", page)]);
    assert_eq!(found, ["page.ts:4"]);
}
