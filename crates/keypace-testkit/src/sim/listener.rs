//! Owns the simulator's TCP face: a listener, and the tasks of its connections. It must not know the protocol.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::Sim;
use super::serve::serve;

/// A simulated server's TCP port on 127.0.0.1. Dropping it closes the port and every connection that came through it.
#[derive(Debug)]
pub struct SimListener {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl SimListener {
    /// A free port, that nobody serves yet.
    pub(crate) async fn bind() -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
    }

    pub(crate) fn serve(sim: Sim, listener: TcpListener) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        Ok(Self {
            addr,
            task: tokio::spawn(accept(sim, listener)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Its connections are in its own set, so that they end when it is aborted.
async fn accept(sim: Sim, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small replies would else wait for the client's acknowledgement; without it they are only slower.
                    let _slower = stream.set_nodelay(true);
                    connections.spawn(serve(sim.clone(), stream));
                }
                // The client left between its SYN and here: its loss.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}
