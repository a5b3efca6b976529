//! The whole service on a port of its own, with a server to work on, sessions, two caches and a key of each kind. Knows no
//! test.

use std::net::SocketAddr;
use std::time::Duration;

use keypace::OwnerKeys;
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions};
use keypace_server::access::hash_of;
use keypace_server::app::App;
use keypace_server::config::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::documented::Documented;
use crate::line::{Line, Reply};

/// Longer than any job of the tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    /// Somebody with a key that there is not.
    Stranger,
    Anna,
    /// Another key of Anna's.
    AnnaToo,
    Ben,
    Operator,
    Operator2,
    Admin,
    Admin2,
    /// An admin's key that stands for an owner too.
    AdminAnna,
}

impl Who {
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self::Nobody => None,
            Self::Stranger => Some("kp_stranger"),
            Self::Anna => Some("kp_anna"),
            Self::AnnaToo => Some("kp_anna_too"),
            Self::Ben => Some("kp_ben"),
            Self::Operator => Some("kp_operator"),
            Self::Operator2 => Some("kp_operator_2"),
            Self::Admin => Some("kp_admin"),
            Self::Admin2 => Some("kp_admin_2"),
            Self::AdminAnna => Some("kp_admin_anna"),
        }
    }
}

const KEYS: [(&str, Who, &str, Option<&str>); 8] = [
    ("anna", Who::Anna, "owner", Some("Anna")),
    ("anna-too", Who::AnnaToo, "owner", Some("Anna")),
    ("ben", Who::Ben, "owner", Some("Ben")),
    ("operator", Who::Operator, "operator", None),
    ("operator-2", Who::Operator2, "operator", None),
    ("admin", Who::Admin, "admin", None),
    ("admin-2", Who::Admin2, "admin", None),
    ("admin-anna", Who::AdminAnna, "admin", Some("Anna")),
];

/// The service and what it works on.
pub(crate) struct World {
    pub(crate) server: OwnedServer,
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) documented: Documented,
    pub(crate) document: Value,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl World {
    /// One for each server program that there is.
    pub(crate) async fn each() -> Vec<Self> {
        Program::find().expect("a server program");
        let mut worlds = Vec::new();
        for program in Program::all() {
            worlds.push(Self::on(&program, "").await);
        }
        worlds
    }

    /// On any program.
    pub(crate) async fn any() -> Self {
        Self::with("").await
    }

    /// On any program, with more config.
    pub(crate) async fn with(more: &str) -> Self {
        Self::on(&Program::find().expect("a server program"), more).await
    }

    /// On any program, with its sessions in Redis alone, as records of this namespace.
    pub(crate) async fn with_sessions_in_redis(namespace: &str) -> Self {
        let program = Program::find().expect("a server program");
        Self::built(&program, |text| {
            let in_sql = text.lines().filter(|line| !line.starts_with("path = "));
            let text = in_sql.collect::<Vec<_>>().join("\n");
            text.replace("source = \"sqlite\"", "source = \"redis\"")
                .replace("\"session-cache\"", &format!("{namespace:?}"))
        })
        .await
    }

    async fn on(program: &Program, more: &str) -> Self {
        Self::built(program, |text| text + more).await
    }

    async fn built(program: &Program, change: impl FnOnce(String) -> String) -> Self {
        let server = OwnedServer::start(program, ServerOptions::default()).expect("a server");
        let folder = TempDir::new().expect("a folder");
        OwnerKeys::create(folder.path().join("owner.keys")).expect("a key file");
        let text = change(config(&server, &folder));
        let config = Config::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let app = App::build(config).await.expect("built");
        let address = app.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            app.run(stopped).await.expect("an orderly end");
        });
        let mut line = Line::open(address).await;
        let request = request(address, "GET", "/openapi.json", Who::Nobody, None);
        let document = line
            .ask(&request, false)
            .await
            .expect("the document")
            .json();
        Self {
            server,
            folder,
            address,
            documented: Documented::read(&document),
            document,
            stop: Some(stop),
            running,
        }
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw::connect(self.server.endpoint()).expect("connected")
    }

    /// So many keys with this prefix.
    pub(crate) fn seed(&self, prefix: &str, keys: u64) {
        let mut raw = self.raw();
        let mut pipe = raw.pipeline();
        for number in 0..keys {
            pipe.add(&[b"SET", format!("{prefix}{number}").as_bytes(), b"value"]);
        }
        pipe.run().expect("seeded");
    }

    /// One request, and its reply, which is held against the document.
    pub(crate) async fn ask(
        &self,
        who: Who,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let request = request(self.address, method, path, who, body);
        let mut line = Line::open(self.address).await;
        let reply = line.ask(&request, false).await.expect("a reply");
        self.documented.check(method, path, &reply);
        reply
    }

    pub(crate) async fn get(&self, who: Who, path: &str) -> Reply {
        self.ask(who, "GET", path, None).await
    }

    pub(crate) async fn post(&self, who: Who, path: &str, body: &Value) -> Reply {
        self.ask(who, "POST", path, Some(body)).await
    }

    /// Starts a job; gives its id.
    pub(crate) async fn start(&self, who: Who, body: &Value) -> String {
        let reply = self.post(who, "/v1/jobs", body).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        let job = reply.json();
        let id = job["id"].as_str().expect("an id").to_owned();
        assert_eq!(reply.header("location"), format!("/v1/jobs/{id}"));
        id
    }

    /// The job once it is in one of these states, as this caller sees it.
    pub(crate) async fn until(&self, who: Who, id: &str, states: &[&str]) -> Value {
        let path = format!("/v1/jobs/{id}");
        let until = Instant::now() + PATIENCE;
        loop {
            let job = self.get(who, &path).await.json();
            let state = job["state"].as_str().expect("a state");
            if states.contains(&state) {
                return job;
            }
            assert!(Instant::now() < until, "not {states:?}: {job}");
            // Between two looks at a state that only time brings.
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A dry run that has ended; gives its job, with `confirm`.
    pub(crate) async fn plan(&self, who: Who, pattern: &str) -> Value {
        let body = json!({"kind": "delete", "patterns": [pattern], "dry_run": true});
        let id = self.start(who, &body).await;
        self.until(who, &id, &["planned"]).await
    }

    /// Stops the service, and waits for that.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().expect("running").send(());
        (&mut self.running).await.expect("an orderly end");
    }
}

/// A request as bytes.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    who: Who,
    body: Option<&Value>,
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    if let Some(key) = who.key() {
        text += &format!("Authorization: Bearer {key}\r\n");
    }
    let body = body.map_or_else(String::new, |body| {
        text += "Content-Type: application/json\r\n";
        body.to_string()
    });
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + &body).into_bytes()
}

/// How many keys there are, without the one that the session cache notes its owner keys in.
pub(crate) fn key_count(raw: &mut Raw) -> i64 {
    let mut number = |words: &[&[u8]]| raw.command(words).expect("asked").int().expect("a count");
    number(&[b"DBSIZE"]) - number(&[b"EXISTS", b"kp:session-cache:meta"])
}

fn config(server: &OwnedServer, folder: &TempDir) -> String {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut text = format!(
        r#"
listen = "127.0.0.1:0"
data_dir = {data:?}

[limits]
requests_per_second = 100000
burst = 100000

[servers.default]
url = {url:?}

[sessions]
source = "sqlite"
path = {sessions:?}
server = "default"
namespace = "session-cache"
owner_keys = {keys:?}

[caches.images]
patterns = {{ images = "image_proxy:*", metadata = "image_metadata:*" }}

[caches.pages]
server = "default"
patterns = {{ pages = "page:*" }}
"#,
        data = path("data"),
        url = server.url(),
        sessions = path("sessions.db"),
        keys = path("owner.keys"),
    );
    for (name, who, scope, owner) in KEYS {
        let sha256 = hash_of(who.key().expect("a key"));
        text += &format!("[keys.{name}]\nsha256 = {sha256:?}\nscope = {scope:?}\n");
        if let Some(owner) = owner {
            text += &format!("owner = {owner:?}\n");
        }
    }
    text
}

impl World {
    /// What the service signs with: whoever has its store has that.
    pub(crate) async fn secret(&self) -> [u8; 32] {
        let store =
            keypace_server::jobs::SqlStore::open_sqlite(&self.folder.path().join("data/jobs.db"))
                .await;
        let store = store.expect("opened");
        keypace_server::access::KeyStore::secret(&store)
            .await
            .expect("a secret")
    }
}
