//! The wire of the tests inside the crate: dials into a simulator's memory, and counts words in what each write carries.
//! Changes no byte, and is built for tests only.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use keypace_testkit::{Sim, SimOptions};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ConnectOptions, Dial, Dialing, Keyspace, Stream, Target};

/// Dials into the simulator's memory.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    pub(crate) sim: Sim,
    words: &'static [&'static str],
    writes: Arc<Mutex<Vec<usize>>>,
}

impl Wire {
    pub(crate) fn to(sim: &Sim) -> Self {
        Self {
            sim: sim.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn with(options: SimOptions) -> Self {
        Self::to(&Sim::with(options))
    }

    /// Counts these words in each write to the socket.
    pub(crate) fn counting(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// How many of the counted words each write had; writes without any are left out.
    pub(crate) fn writes(&self) -> Vec<usize> {
        self.writes.lock().expect("writes").clone()
    }

    pub(crate) async fn keyspace(&self) -> Keyspace {
        let target = Target::parse("redis://sim").expect("valid");
        self.keyspace_as(target).await
    }

    pub(crate) async fn keyspace_as(&self, target: Target) -> Keyspace {
        let dial = Arc::new(self.clone());
        let keyspace = Keyspace::connect_through(dial, target, ConnectOptions::default());
        keyspace.await.expect("the simulator answers")
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Dial for Wire {
    fn dial(&self) -> Dialing<'_> {
        let line = Line {
            inner: Box::new(self.sim.connect()),
            words: self.words,
            writes: Arc::clone(&self.writes),
        };
        Box::pin(async move { Ok(Box::new(line) as Box<dyn Stream>) })
    }

    fn name(&self) -> String {
        "sim:6379".to_owned()
    }
}

struct Line {
    inner: Box<dyn Stream>,
    words: &'static [&'static str],
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
            let found: usize = self.words.iter().map(|w| text.matches(w).count()).sum();
            if found > 0 {
                self.writes.lock().expect("writes").push(found);
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
