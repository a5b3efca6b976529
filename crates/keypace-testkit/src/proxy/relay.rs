//! Owns one proxied connection: requests go through as they are, replies as the rules say. Its buffers are fixed: what a
//! client does not read, the server keeps. It must not decide which rule is due.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::rule::{Fault, Verdict};
use super::{Shared, Target, reset};
use crate::limits::{LINK_STEPS_PER_S, RELAY_BUFFER_BYTES};

/// How the client's side is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Orderly,
    Reset,
}

/// A connection's place in the rule book, given back when its task ends in whatever way.
struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.book().close(self.number);
    }
}

pub(super) async fn carry(
    shared: Arc<Shared>,
    number: u64,
    mut cuts: watch::Receiver<u64>,
    mut client: TcpStream,
) {
    let place = Place { shared, number };
    let end = tokio::select! {
        biased;
        // An error would mean that the proxy is gone, and with it this task.
        _cut = cuts.changed() => End::Reset,
        end = dial_and_relay(&place, &mut client) => end.unwrap_or(End::Reset),
    };
    match end {
        End::Orderly => drop(client),
        End::Reset => reset(client),
    }
}

async fn dial_and_relay(place: &Place, client: &mut TcpStream) -> io::Result<End> {
    client.set_nodelay(true)?;
    match &place.shared.target {
        Target::Tcp(addr) => {
            let mut server = TcpStream::connect(addr).await?;
            server.set_nodelay(true)?;
            let (reader, writer) = server.split();
            relay(place, client, reader, writer).await
        }
        Target::Unix(path) => {
            let mut server = UnixStream::connect(path).await?;
            let (reader, writer) = server.split();
            relay(place, client, reader, writer).await
        }
    }
}

async fn relay<R, W>(
    place: &Place,
    client: &mut TcpStream,
    server_reader: R,
    server_writer: W,
) -> io::Result<End>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (client_reader, client_writer) = client.split();
    tokio::select! {
        end = replies(place, server_reader, client_writer) => end,
        sent = requests(client_reader, server_writer) => sent.map(|()| End::Orderly),
    }
}

/// Copies requests until the client leaves.
async fn requests<R, W>(mut reader: R, mut writer: W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = [0; RELAY_BUFFER_BYTES];
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(()),
            length => writer.write_all(&buffer[..length]).await?,
        }
    }
}

/// Copies replies until the server leaves or a rule ends it.
async fn replies<R, W>(place: &Place, mut reader: R, mut writer: W) -> io::Result<End>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = [0; RELAY_BUFFER_BYTES];
    let mut harm = Harm::default();
    loop {
        let length = reader.read(&mut buffer).await?;
        if length == 0 {
            return Ok(End::Orderly);
        }
        if let Some(delay) = harm.delay {
            sleep(delay).await;
        }
        if let Some(end) = chunk(place, &mut harm, &mut buffer[..length], &mut writer).await? {
            return Ok(end);
        }
    }
}

/// What faults leave behind for later chunks.
#[derive(Default)]
struct Harm {
    delay: Option<Duration>,
    leave_out: u64,
    turn_bits: u8,
    link: Option<SlowLink>,
}

/// Passes bytes on at a rate, evenly.
struct SlowLink {
    bytes_per_s: u64,
    /// When the next byte may go.
    due: Instant,
}

impl SlowLink {
    fn new(bytes_per_s: u64) -> Self {
        Self {
            bytes_per_s: bytes_per_s.max(1),
            due: Instant::now(),
        }
    }

    async fn carry<W: AsyncWrite + Unpin>(
        &mut self,
        bytes: &[u8],
        writer: &mut W,
    ) -> io::Result<()> {
        let step = usize::try_from(self.bytes_per_s / LINK_STEPS_PER_S).unwrap_or(usize::MAX);
        for piece in bytes.chunks(step.max(1)) {
            // What a silence left unused is lost, as on a wire.
            self.due = self.due.max(Instant::now());
            sleep_until(self.due).await;
            writer.write_all(piece).await?;
            self.due += Duration::from_secs_f64(piece.len() as f64 / self.bytes_per_s as f64);
        }
        Ok(())
    }
}

async fn chunk<W>(
    place: &Place,
    harm: &mut Harm,
    mut bytes: &mut [u8],
    writer: &mut W,
) -> io::Result<Option<End>>
where
    W: AsyncWrite + Unpin,
{
    while !bytes.is_empty() {
        let verdict = place.shared.book().next(place.number, bytes.len());
        let free = match verdict {
            Verdict::Pass(free) => free,
            Verdict::Do(fault) => {
                match fault {
                    Fault::Cut => return Ok(Some(End::Orderly)),
                    Fault::Reset => return Ok(Some(End::Reset)),
                    Fault::Stall => return std::future::pending().await,
                    Fault::Truncate(length) => harm.leave_out += length,
                    Fault::Corrupt(bits) => harm.turn_bits ^= bits,
                    Fault::Throttle(bytes_per_s) => harm.link = Some(SlowLink::new(bytes_per_s)),
                    Fault::DelayChunks(delay) => {
                        harm.delay = Some(delay);
                        sleep(delay).await;
                    }
                }
                continue;
            }
        };
        // Counted before it is sent, so that a rule from now on, scripted by who has read a reply, has all of it behind it.
        place.shared.book().passed(place.number, free);
        let left_out = usize::try_from(harm.leave_out)
            .unwrap_or(usize::MAX)
            .min(free);
        harm.leave_out -= left_out as u64;
        if left_out < free {
            bytes[left_out] ^= std::mem::take(&mut harm.turn_bits);
            match &mut harm.link {
                Some(link) => link.carry(&bytes[left_out..free], writer).await?,
                None => writer.write_all(&bytes[left_out..free]).await?,
            }
        }
        bytes = &mut bytes[free..];
    }
    Ok(None)
}
