//! A line to the simulator that counts the questions of each write.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use keypace_testkit::{Sim, SimOptions};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::port::{ConnectOptions, Dial, Dialing, Keyspace, Stream, Target};

/// Dials into the simulator's memory, and counts the questions of each write to the socket.
#[derive(Clone, Default)]
pub(super) struct Wire {
    pub(super) sim: Sim,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Dial for Wire {
    fn dial(&self) -> Dialing<'_> {
        let inner: Box<dyn Stream> = Box::new(self.sim.connect());
        let writes = Arc::clone(&self.writes);
        Box::pin(async move { Ok(Box::new(Line { inner, writes }) as Box<dyn Stream>) })
    }

    fn name(&self) -> String {
        "sim:6379".to_owned()
    }
}

struct Line {
    inner: Box<dyn Stream>,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &wrote {
            let text = String::from_utf8_lossy(&buf[..*bytes]);
            let words = [
                "IDLETIME\r\n",
                "REFCOUNT\r\n",
                "PTTL\r\n",
                "TYPE\r\n",
                "USAGE\r\n",
                "LEN\r\n",
                "CARD\r\n",
            ];
            let questions: usize = words.iter().map(|word| text.matches(word).count()).sum();
            if questions > 0 {
                self.writes.lock().expect("writes").push(questions);
            }
        }
        wrote
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl Wire {
    pub(super) fn with(options: SimOptions) -> Self {
        Self {
            sim: Sim::with(options),
            ..Self::default()
        }
    }

    pub(super) fn writes(&self) -> Vec<usize> {
        self.writes.lock().expect("writes").clone()
    }

    pub(super) async fn keyspace(&self) -> Keyspace {
        let target = Target::parse("redis://sim").expect("valid");
        self.keyspace_as(target).await
    }

    pub(super) async fn keyspace_as(&self, target: Target) -> Keyspace {
        let options = ConnectOptions::default().with_retries(4);
        let keyspace = Keyspace::connect_through(Arc::new(self.clone()), target, options).await;
        keyspace.expect("the simulator answers")
    }
}
