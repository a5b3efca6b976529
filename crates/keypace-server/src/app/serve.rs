//! Serving until somebody says stop, and the way down from there: no new connections, watchers closed, work settled and
//! saved, sockets closed; all within `limits::DRAIN`. Knows no route.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use rustix::process::Resource;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout_at};

use crate::app::App;
use crate::http::Bounded;
use crate::limits;
use crate::metrics;
use crate::router::router;

/// How often a silent connection of HTTP/2 is asked whether somebody is there.
const HTTP2_PING: Duration = Duration::from_secs(20);

impl App {
    /// Serves until `shutdown` is over, and then stops: within [`limits::DRAIN`] in all, of which it leaves
    /// [`limits::DRAIN_TRACES`] to whoever sends the last spans.
    ///
    /// Not cancel-safe: dropped, it leaves jobs to their leases.
    ///
    /// # Errors
    /// Where the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let handle = Handle::new();
        let mut serving = self.listen(&handle)?;
        let upkeep = tokio::spawn(upkeep());
        self.runner.begin();
        let ended = tokio::select! {
            ended = &mut serving => Some(ended),
            () = shutdown => None,
        };
        tracing::info!(within_s = limits::DRAIN.as_secs(), "stopping");
        self.closing.send_replace(true);
        handle.graceful_shutdown(None);
        self.runner
            .drain(limits::DRAIN - limits::DRAIN_SOCKETS - limits::DRAIN_TRACES)
            .await;
        let until = Instant::now() + limits::DRAIN_SOCKETS;
        self.close(&handle, until - limits::DRAIN_WRITES).await;
        self.settle(until).await;
        upkeep.abort();
        let ended = match ended {
            Some(ended) => ended,
            None => serving.await,
        };
        tracing::info!("stopped");
        ended.map_err(io::Error::other)?
    }

    /// Waits for open requests and watchers, and ends what is left when the time is over.
    async fn close(&self, handle: &Handle<SocketAddr>, until: Instant) {
        let places = u32::try_from(limits::WATCHERS).unwrap_or(u32::MAX);
        let watchers = self.state.watchers.acquire_many(places);
        if timeout_at(until, watchers).await.is_err() {
            tracing::warn!("watchers were still open when the time was over");
        }
        let mut look = interval(limits::DRAIN_LOOK);
        let idle = async {
            while handle.connection_count() > 0 {
                look.tick().await;
            }
        };
        if timeout_at(until, idle).await.is_err() {
            tracing::warn!(open = handle.connection_count(), "requests were given up");
        }
        handle.shutdown();
    }

    /// Waits for writes of sessions whose callers have gone: SQL and the cache are to say the same afterwards.
    async fn settle(&self, until: Instant) {
        if let Some(sessions) = &self.state.sessions
            && timeout_at(until, sessions.settled()).await.is_err()
        {
            tracing::warn!("sessions were still being written when the time was over");
        }
    }

    /// The listener in a task of its own.
    fn listen(&self, handle: &Handle<SocketAddr>) -> io::Result<JoinHandle<io::Result<()>>> {
        let listener = self.listener.try_clone()?;
        let service =
            router(self.state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
        bound(&mut server);
        let places = places(rustix::process::getrlimit(Resource::Nofile).current);
        if places < limits::CONNECTIONS {
            tracing::info!(
                places,
                "connections are bounded by the files that this process may open: ulimit -n, or LimitNOFILE of systemd"
            );
        }
        let plain = Bounded::new(DefaultAcceptor::new(), places);
        Ok(match &self.tls {
            None => tokio::spawn(server.acceptor(plain).serve(service)),
            Some(config) => {
                let config = RustlsConfig::from_config(config.clone());
                let tls = RustlsAcceptor::new(config).handshake_timeout(limits::HANDSHAKE_TIME);
                let tls = Bounded::new(tls, places);
                tokio::spawn(server.acceptor(tls).serve(service))
            }
        })
    }
}

/// What one connection may send, and how slowly.
fn bound(server: &mut Server<SocketAddr>) {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIME)
        .max_headers(limits::HEADER_COUNT)
        .max_buf_size(limits::HEADER_BYTES);
    let header_bytes = u32::try_from(limits::HEADER_BYTES).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(header_bytes)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING);
}

/// Figures that are only tidied up when somebody looks: nobody may.
async fn upkeep() {
    let Some(recorder) = metrics::recorder() else {
        return;
    };
    let mut tick = interval(limits::METRICS_UPKEEP);
    loop {
        tick.tick().await;
        recorder.run_upkeep();
    }
}

/// How many connections there may be at once, where the process may open so many files; `None` is no bound.
fn places(files: Option<u64>) -> usize {
    let most = files.map(|files| usize::try_from(files / limits::CONNECTION_FILES_PART));
    let most = most.and_then(Result::ok).unwrap_or(limits::CONNECTIONS);
    most.clamp(1, limits::CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::places;
    use crate::limits;

    #[test]
    fn connections_leave_files_to_the_work() {
        assert_eq!(places(Some(1_024)), 512);
        assert_eq!(places(Some(0)), 1);
        for plenty in [None, Some(1 << 20), Some(u64::MAX)] {
            assert_eq!(places(plenty), limits::CONNECTIONS);
        }
    }
}
