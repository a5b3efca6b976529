//! A running `keypace serve`, and requests to it over plain sockets, so that each header is what the test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::{Home, signal};

/// How long something that takes a second is waited for on a machine that has other work too.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service of ours. Dropped, it is killed.
pub(crate) struct Service {
    pub(crate) child: Child,
    /// Host and port, as they stand in a Host header.
    pub(crate) authority: String,
    /// Whether it needs no API keys.
    pub(crate) keyless: bool,
}

impl Service {
    /// Starts it on a port that the system chooses, unless an argument says otherwise; its own output says which.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut all = vec!["--json", "serve"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let mut child = home
            .keypace(all)
            .stdout(Stdio::piped())
            .spawn()
            .expect("keypace starts");
        let stdout = child.stdout.take().expect("stdout");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut stderr = String::new();
            let pipe = child.stderr.take();
            pipe.expect("stderr")
                .read_to_string(&mut stderr)
                .expect("text");
            panic!("{error}: {line:?} {stderr}")
        });
        let place = said["listening"].as_str().expect("a place");
        let authority = place.split("://").nth(1).expect("an authority");
        Self {
            child,
            authority: authority.replace("0.0.0.0", "127.0.0.1"),
            keyless: said["keyless"].as_bool().expect("a word"),
        }
    }

    /// The whole reply to a GET with the service's own Host.
    pub(crate) fn get(&self, path: &str, headers: &[&str]) -> String {
        self.ask("GET", path, &self.authority, headers)
    }

    /// The whole reply to a request without a body.
    pub(crate) fn ask(&self, method: &str, path: &str, host: &str, headers: &[&str]) -> String {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(&self.authority).expect("somebody listens");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply
    }

    /// The whole reply to a request with a body of JSON.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> String {
        let host = &self.authority;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
            Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.authority).expect("somebody listens");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply
    }

    /// Asks again until this is the status.
    pub(crate) fn until(&self, path: &str, headers: &[&str], wanted: u16) {
        let began = Instant::now();
        loop {
            let reply = self.get(path, headers);
            if status(&reply) == wanted {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "still {reply}");
        }
    }

    /// Asks it to end, and gives its log.
    pub(crate) fn stop(self) -> String {
        signal(&self.child, "TERM");
        self.ended(0)
    }

    /// Its log, once it has ended with this code.
    pub(crate) fn ended(mut self, code: i32) -> String {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().expect("stderr");
        stderr.read_to_string(&mut log).expect("text");
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{log}");
        log
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended already is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a reply.
pub(crate) fn status(reply: &str) -> u16 {
    let code = reply.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no reply: {reply:?}"))
}

/// The body of a reply that is 200 and JSON.
pub(crate) fn answer(reply: &str) -> Value {
    assert_eq!(status(reply), 200, "{reply}");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}"))
}
