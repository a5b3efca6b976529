//! A slow link: a TCP relay that passes on at most so many bytes a second towards the one who connects.
//! Must not change, reorder or drop a byte, and must not outlive its owner.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// One step of a slow link: at 4 MiB a second one every 4 ms, so that the flow is even.
const STEP_BYTES: usize = 16 * 1024;
/// How long a link may be ahead of its rate after it had nothing to do.
const BURST: Duration = Duration::from_millis(20);
/// How long a thread waits for bytes before it looks whether it is still wanted.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// A listener on loopback whose connections lead to a target. Dropped, it closes all of them.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    /// Bytes a second from the target to who connects.
    rate: AtomicU64,
    is_over: AtomicBool,
    /// Each open connection, to be closed at the end.
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Listens, and leads every connection to `target`, at full speed until `slow_down`.
    pub(crate) fn start(target: SocketAddr) -> Outcome<Self> {
        let failed = |error: io::Error| Failure::new(format!("failed to start a relay: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            target,
            rate: AtomicU64::new(u64::MAX),
            is_over: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || accept_until_over(&listener, &theirs));
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on passes on at most `bytes_per_s`.
    pub(crate) fn slow_down(&self, bytes_per_s: u64) {
        self.shared
            .rate
            .store(bytes_per_s.max(1), Ordering::Release);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        for stream in self.shared.open().drain(..) {
            // Closed by its other end already, as likely as not.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the one that accepts, which then sees that it is over.
        let _ = TcpStream::connect_timeout(&self.address, LOOK_PAUSE);
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

fn accept_until_over(listener: &TcpListener, shared: &Arc<Shared>) {
    for accepted in listener.incoming() {
        if shared.is_over() {
            return;
        }
        // Who connects sees a closed connection, and tries again or says so.
        let _ = accepted.and_then(|near| lead(near, shared));
    }
}

/// Two threads for one connection, each of which ends with it.
fn lead(near: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let far = TcpStream::connect(shared.target)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        shared.open().push(stream.try_clone()?);
    }
    let (from_near, to_far) = (near.try_clone()?, far.try_clone()?);
    let full_speed = Arc::new(AtomicU64::new(u64::MAX));
    thread::spawn(move || {
        pass_on(from_near, to_far, |bytes, since| {
            pause(&full_speed, bytes, since)
        })
    });
    let theirs = Arc::clone(shared);
    thread::spawn(move || pass_on(far, near, |bytes, since| pause(&theirs.rate, bytes, since)));
    Ok(())
}

/// Until either end closes. `pause` takes the bytes of a step and when it was due, and says when the next one is.
fn pass_on(mut from: TcpStream, mut to: TcpStream, pause: impl Fn(usize, Instant) -> Instant) {
    let mut buffer = vec![0; STEP_BYTES];
    let mut due = Instant::now();
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        due = pause(read, due);
    }
    // What the one end closed is closed for the other, which may have done so first.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn pause(rate: &AtomicU64, bytes: usize, due: Instant) -> Instant {
    let took = Duration::from_secs_f64(bytes as f64 / rate.load(Ordering::Acquire) as f64);
    let now = Instant::now();
    let next = due.max(now.checked_sub(BURST).unwrap_or(now)) + took;
    thread::sleep(next.saturating_duration_since(now));
    next
}

#[cfg(test)]
mod tests {
    use super::Relay;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    const SENT_BYTES: usize = 400_000;

    /// Somebody who sends these bytes to who connects, and keeps the connection until the other end closes it.
    fn sender() -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let bytes: Vec<u8> = (0..SENT_BYTES).map(|byte| byte as u8).collect();
            stream.write_all(&bytes).expect("a write");
            let mut rest = Vec::new();
            // Reset or closed, it is the end either way.
            let _ = stream.read_to_end(&mut rest);
        });
        (address, thread)
    }

    fn receive(relay: &Relay) -> (Vec<u8>, TcpStream) {
        let mut stream = TcpStream::connect(relay.address()).expect("a connection");
        let mut bytes = vec![0; SENT_BYTES];
        stream.read_exact(&mut bytes).expect("all bytes");
        (bytes, stream)
    }

    #[test]
    fn bytes_pass_unchanged_and_no_faster_than_said() {
        let (address, sender) = sender();
        let relay = Relay::start(address).expect("a relay");
        relay.slow_down(1_000_000);
        let begun = Instant::now();
        let (bytes, stream) = receive(&relay);
        // 400,000 bytes at a million a second; what is ahead is one step and the burst.
        assert!(
            begun.elapsed() >= Duration::from_millis(350),
            "{:?}",
            begun.elapsed()
        );
        assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at as u8));
        drop(stream);
        sender.join().expect("the sender ends with the connection");
    }

    #[test]
    fn a_relay_that_goes_closes_its_connections() {
        let (address, sender) = sender();
        let relay = Relay::start(address).expect("a relay");
        let (_, mut stream) = receive(&relay);
        drop(relay);
        let mut rest = Vec::new();
        // Reset or closed, it is the end either way.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
        sender.join().expect("the sender saw the end");
    }
}
