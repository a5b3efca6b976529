//! A relay that puts a server farther away: every byte arrives later by a fixed time, in order, however many are under
//! way. Must not understand or change what it carries, nor limit how much is under way to one packet.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::endpoint::{Endpoint, Stream};
use crate::error::{LabError, LabErrorKind};
use crate::launch;
use crate::limits;

/// A running relay on a loopback port. A round trip through it takes twice its delay longer than one beside it, and a
/// little: 5.26 ms where 5 ms were meant, as the system wakes a sleeper late. It never takes less.
///
/// `Drop` cuts all connections and waits for its threads, as `stop` does.
#[derive(Debug)]
pub struct Delay {
    endpoint: Endpoint,
    address: SocketAddr,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_stopping: AtomicBool,
    /// A handle on either end of each connection, to cut it by.
    ends: Mutex<Vec<Stream>>,
}

impl Shared {
    fn ends(&self) -> MutexGuard<'_, Vec<Stream>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes on their way, and when they arrive. The end of a stream is no bytes, and takes as long.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
}

impl Delay {
    /// Starts a relay before `server` that holds each direction up by `one_way`: a round trip of 1 ms is 500 us here.
    ///
    /// # Errors
    /// `Address` for more than 5 s, `System` where no port or thread can be had.
    pub fn start(server: &Endpoint, one_way: Duration) -> Result<Self, LabError> {
        if one_way > limits::MAX_DELAY {
            return Err(LabError::new(
                LabErrorKind::Address,
                format!("put a server {one_way:?} away"),
            )
            .with_hint(format!(
                "the longest delay of one direction is {:?}",
                limits::MAX_DELAY
            )));
        }
        let failed = |error| launch::system("start a delay relay", error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let door = thread::Builder::new()
            .name("delay-door".to_owned())
            .spawn({
                let (server, shared) = (server.clone(), Arc::clone(&shared));
                move || accept(&listener, &server, one_way, &shared)
            })
            .map_err(failed)?;
        Ok(Self {
            endpoint: Endpoint::Tcp(address),
            address,
            shared,
            door: Some(door),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoint.to_string()
    }

    /// Cuts all connections and waits for its threads.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(door) = self.door.take() else {
            return;
        };
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        // The door sleeps in accept: a knock wakes it. Where none can be made, it is gone already.
        let _ = TcpStream::connect_timeout(&self.address, limits::LOOK_TIMEOUT);
        for end in self.shared.ends().iter() {
            // Either side may have gone by itself.
            let _ = end.shutdown(Shutdown::Both);
        }
        // A panic in the relay shows as a broken connection where it matters.
        let _ = door.join();
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes connections until the relay stops, then waits for all of their threads.
fn accept(listener: &TcpListener, server: &Endpoint, one_way: Duration, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for client in listener.incoming() {
        if shared.is_stopping.load(Ordering::SeqCst) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        // A failed connection is closed by its handles going: what a client sees of a server that is not there.
        if let Ok(pumps) = client.and_then(|client| join(client, server, one_way, shared)) {
            threads.extend(pumps);
        }
    }
    // Those of a connection that came while we were stopping.
    for end in shared.ends().drain(..) {
        let _ = end.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Opens the way to the server and starts the two threads of each direction.
fn join(
    client: TcpStream,
    server: &Endpoint,
    one_way: Duration,
    shared: &Shared,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    client.set_nodelay(true)?;
    let near = Stream::Tcp(client);
    let far = Stream::connect(server, limits::REPLY_TIMEOUT)?;
    far.set_patient()?;
    {
        let mut ends = shared.ends();
        ends.push(near.try_clone()?);
        ends.push(far.try_clone()?);
    }
    let mut threads = Vec::new();
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let (sender, receiver) = sync_channel(limits::RELAY_READS_UNDER_WAY);
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name("delay-pump".to_owned())
                .spawn(work)
        };
        threads.push(spawn(Box::new(move || take(from, one_way, &sender)))?);
        threads.push(spawn(Box::new(move || hand_over(to, &receiver)))?);
    }
    Ok(threads)
}

/// Reads what comes and notes when it is due.
fn take(mut from: Stream, one_way: Duration, sender: &SyncSender<Parcel>) {
    let mut buffer = vec![0; limits::RELAY_READ_BYTES];
    loop {
        // A broken connection ends the same way as a closed one.
        let bytes = from.read(&mut buffer).unwrap_or(0);
        let parcel = Parcel {
            due: Instant::now() + one_way,
            bytes: buffer[..bytes].to_vec(),
        };
        if sender.send(parcel).is_err() || bytes == 0 {
            return;
        }
    }
}

/// Writes each parcel when it is due, in their order; at the end it closes this direction alone.
fn hand_over(mut to: Stream, receiver: &Receiver<Parcel>) {
    for parcel in receiver {
        thread::sleep(parcel.due.saturating_duration_since(Instant::now()));
        if parcel.bytes.is_empty() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if to.write_all(&parcel.bytes).is_err() {
            // The other direction hears of it by the end of its own stream.
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
