//! A plain HTTP/1.1 client over one connection: sends what it is given, also what no library would, and reads one reply.
//! Knows no route.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any reply takes; whoever waits so long hangs.
const PATIENCE: Duration = Duration::from_secs(70);

/// A reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The public text of a problem.
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// Sends these bytes and reads a reply; nothing where the other side closes without one.
    pub(crate) async fn ask(&mut self, request: &[u8], ends: bool) -> Option<Reply> {
        timeout(PATIENCE, self.exchange(request, ends))
            .await
            .unwrap_or_else(|_| panic!("no reply to {:?}", String::from_utf8_lossy(request)))
    }

    async fn exchange(&mut self, request: &[u8], ends: bool) -> Option<Reply> {
        // The reply may come, and the connection end, before all of it is sent.
        let _ = self.stream.write_all(request).await;
        if ends {
            let _ = self.stream.shutdown().await;
        }
        let end = loop {
            if let Some(end) = position(&self.read, b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let body = self.body(status, &headers).await?;
        Some(Reply {
            status,
            headers,
            body,
        })
    }

    async fn body(&mut self, status: u16, headers: &BTreeMap<String, String>) -> Option<Vec<u8>> {
        if status == 204 || status == 304 || status < 200 {
            return Some(Vec::new());
        }
        if let Some(length) = headers.get("content-length") {
            return self.take(length.parse().ok()?).await;
        }
        if headers.get("transfer-encoding").is_none() {
            while self.more().await.is_some() {}
            return Some(std::mem::take(&mut self.read));
        }
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = position(&self.read, b"\r\n") {
                    break end;
                }
                self.more().await?;
            };
            let size = self.take(end + 2).await?;
            let size = std::str::from_utf8(&size[..end]).ok()?;
            let size = usize::from_str_radix(size, 16).ok()?;
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Some(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        while self.read.len() < bytes {
            self.more().await?;
        }
        Some(self.read.drain(..bytes).collect())
    }

    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes).await {
            Ok(0) | Err(_) => None,
            Ok(read) => {
                self.read.extend_from_slice(&bytes[..read]);
                Some(())
            }
        }
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
