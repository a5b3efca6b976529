//! The way to a collector: one request a batch over a plain socket, in the thread that sends spans, which may wait. Must not be
//! called from a thread of the runtime.

use std::future::{Future, ready};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

use crate::limits;

const HTTP_PORT: u16 = 80;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A collector that is reached without TLS: it stands beside the service, or behind a proxy there.
#[derive(Debug, Default)]
pub(super) struct Collector {
    is_away: AtomicBool,
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Collector {
    fn send_bytes<'life0, 'async_trait>(&'life0 self, request: Request<Bytes>) -> Sent<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let answer = post(&request);
        let is_away = answer.is_err();
        if self.is_away.swap(is_away, Ordering::Relaxed) != is_away {
            match &answer {
                Err(error) => tracing::warn!(%error, "spans do not reach the collector"),
                Ok(_) => tracing::info!("spans reach the collector again"),
            }
        }
        Box::pin(ready(answer.map_err(HttpError::from)))
    }
}

/// Sends a request and reads the head of its reply; what stands behind it is of no use to us.
fn post(request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
    let no_place = || io::Error::other("its endpoint names no host");
    let uri = request.uri();
    let host = uri.host().ok_or_else(no_place)?;
    let plain = host.trim_matches(['[', ']']);
    let mut places = (plain, uri.port_u16().unwrap_or(HTTP_PORT)).to_socket_addrs()?;
    let place = places.next().ok_or_else(no_place)?;
    let mut stream = TcpStream::connect_timeout(&place, limits::COLLECTOR_WAIT)?;
    stream.set_read_timeout(Some(limits::COLLECTOR_WAIT))?;
    stream.set_write_timeout(Some(limits::COLLECTOR_WAIT))?;
    let body = request.body();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.method(),
        body.len()
    )
    .into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head)?;
    stream.write_all(body)?;
    answer(&read_head(&mut stream)?)
}

fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0; 512];
    while !head.windows(HEAD_END.len()).any(|end| end == HEAD_END) {
        let read = stream.read(&mut part)?;
        if read == 0 || head.len() > limits::COLLECTOR_HEAD_BYTES {
            return Err(io::Error::other("its reply can't be read"));
        }
        head.extend_from_slice(&part[..read]);
    }
    Ok(head)
}

/// The status alone.
fn answer(head: &[u8]) -> io::Result<Response<Bytes>> {
    let text = String::from_utf8_lossy(head);
    let status: Option<u16> = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("its reply can't be read"))?;
    let reply = Response::builder().status(status).body(Bytes::new());
    reply.map_err(io::Error::other)
}
