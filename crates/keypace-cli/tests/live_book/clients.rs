//! The book's snippets for other languages' clients: each *before* and *after* gives the same names, and the shadow
//! comparison tells when a walk loses one. Installs nothing: `cargo xtask test` does.

use std::fs;
use std::io::Read as _;

use keypace_lab::{Listen, OwnedServer, Program, Raw, ServerOptions, seed};

use crate::language::LANGUAGES;
use crate::page;

const PAGE: &str = "keys-to-scan.md";
/// More than one page of COUNT 500.
const SESSIONS: u64 = 1_200;

/// What stands around a block: above it, and below it.
struct Driver {
    /// Behind the block's fence.
    info: &'static str,
    above: &'static str,
    below: &'static str,
}

const PYTHON: &str = "
import sys, redis
for name in session_keys(redis.Redis.from_url(sys.argv[1], decode_responses=True)):
    print(name)
";
const NODE: &str = "
const Redis = require('ioredis');
const client = new Redis(process.argv[2].replace('unix://', ''));
sessionKeys(client).then((names) => { console.log(names.join('\\n')); return client.quit(); });
";
const RUBY: &str = "
require 'redis'
puts session_keys(Redis.new(url: ARGV[0]))
";
const DJANGO_ABOVE: &str = "
import sys
from django.conf import settings
settings.configure(CACHES={'default': {'BACKEND': 'django_redis.cache.RedisCache', 'LOCATION': sys.argv[1]}})
";
/// Django's names are its own: they have a prefix and a version on the server, and none here.
const DJANGO: &str = "
cache.set_many({f'session:{number}': number for number in range(1200)})
cache.set('other', 1)
for name in session_keys():
    print(name)
";
const SHADOW: &str = "
import sys, redis
client = redis.Redis.from_url(sys.argv[1], decode_responses=True)
said = []
class Ear(logging.Handler):
    def emit(self, record):
        said.append((record.levelname, record.getMessage()))
logging.getLogger().addHandler(Ear())
logging.getLogger().setLevel(logging.INFO)
SHADOW_SHARE = 1.0
expected = names(client, 'session:*')
assert len(expected) == 1200 and not said, said
os.environ['LIST_BY'] = 'shadow'
assert names(client, 'session:*') == expected
assert said == [('INFO', 'compared 1200 names, 0 came and went')], said
os.environ['LIST_BY'] = 'scan'
assert names(client, 'session:*') == expected
# A walk that loses a name is told, and KEYS still answers.
whole = by_scan
by_scan = lambda client, pattern: whole(client, pattern) - {'session:7'}
os.environ['LIST_BY'] = 'shadow'
del said[:]
assert names(client, 'session:*') == expected
assert said[0] == ('ERROR', 'SCAN missed 1 of 1200 names'), said
for name in expected:
    print(name)
";

const DRIVERS: [Driver; 9] = [
    driver("python shadow", "", SHADOW),
    driver("python before", "", PYTHON),
    driver("python after", "", PYTHON),
    driver("python django before", DJANGO_ABOVE, DJANGO),
    driver("python django after", DJANGO_ABOVE, DJANGO),
    driver("javascript before", "", NODE),
    driver("javascript after", "", NODE),
    driver("ruby before", "", RUBY),
    driver("ruby after", "", RUBY),
];

const fn driver(info: &'static str, above: &'static str, below: &'static str) -> Driver {
    Driver { info, above, below }
}

/// Whether a block is one that is run here.
pub(crate) fn runs(page: &str, info: &str) -> bool {
    page == PAGE && DRIVERS.iter().any(|driver| driver.info == info)
}

/// Runs every one whose client is here.
pub(crate) fn run_all() {
    let program = Program::find().expect("a program");
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let server = OwnedServer::start(&program, options).expect("a server");
    let mut raw = Raw::connect(server.endpoint()).expect("connected");
    seed::strings(&mut raw, b"session:", 0..SESSIONS, 8).expect("seeded");
    seed::strings(&mut raw, b"other:", 0..SESSIONS, 8).expect("seeded");
    let mut wanted: Vec<String> = (0..SESSIONS)
        .map(|number| format!("session:{number}"))
        .collect();
    wanted.sort();
    let blocks = page::blocks(PAGE);
    for language in LANGUAGES.iter().filter(|language| language.is_here()) {
        for driver in &DRIVERS {
            if driver.info.split(' ').next() != Some(language.name) {
                continue;
            }
            let mut these = blocks.iter().filter(|block| block.info == driver.info);
            let block = these.next().expect(driver.info);
            assert!(these.next().is_none(), "{} stands twice", driver.info);
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("program.cjs");
            let text = format!("{}\n{}\n{}", driver.above, block.text, driver.below);
            fs::write(&file, text).expect("written");
            let mut child = language.start(&file, &[&server.url()]);
            let mut printed = String::new();
            let mut stdout = child.stdout.take().expect("a pipe");
            stdout.read_to_string(&mut printed).expect("text");
            assert!(child.wait().expect("ended").success(), "{}", driver.info);
            let mut names: Vec<&str> = printed.lines().collect();
            names.sort_unstable();
            assert_eq!(names, wanted, "{}", driver.info);
        }
    }
}
