//! The tour's private server, its keys, and the client that waits. Owns them: when it goes, they go. Says nothing.

use std::time::{Duration, Instant};

use keypace::{ConnectOptions, Keyspace, Target};
use keypace_lab::{LabError, OwnedServer, Probe, Program, Raw, ServerOptions, seed};

use crate::cmd::Run;
use crate::cmd::lab::from_lab;
use crate::exit::{Exit, Halt, Phase};

/// As often as a busy application asks.
const PROBE_INTERVAL: Duration = Duration::from_millis(1);

/// Everything a tour needs.
pub(super) struct Stage {
    /// Our way to the server.
    pub(super) keyspace: Keyspace,
    /// The client that waits.
    pub(super) probe: Probe,
    /// How long the keys took to be there.
    pub(super) seeded_in: Duration,
    server: OwnedServer,
}

/// What blocks: made on a thread that may.
struct Props {
    server: OwnedServer,
    probe: Probe,
    seeded_in: Duration,
}

impl Stage {
    /// Starts a server, fills it and connects. Interrupted, it waits for what it has begun and takes it away again.
    pub(super) async fn set(run: &mut Run, keys: u64) -> Result<Self, Halt> {
        // Dropped early, the thread still ends, and what it made is dropped with its result.
        let building = tokio::task::spawn_blocking(move || build(keys));
        let props = run.interrupt.or(building).await?.map_err(|error| {
            Halt::new(Exit::Incomplete, "start the private server").with_cause(&error)
        })??;
        let target = Target::parse(&props.server.url())
            .map_err(|error| Halt::library(&error, Phase::Connecting))?;
        let connecting = Keyspace::connect(target, ConnectOptions::default());
        let keyspace = run
            .interrupt
            .or(connecting)
            .await?
            .map_err(|error| Halt::library(&error, Phase::Connecting))?;
        Ok(Self {
            keyspace,
            probe: props.probe,
            seeded_in: props.seeded_in,
            server: props.server,
        })
    }

    /// What kind of server it is.
    pub(super) fn product(&self) -> &str {
        &self.keyspace.server().product
    }

    /// Takes everything down, and says if that failed.
    pub(super) async fn strike(self) -> Result<(), Halt> {
        let Self {
            keyspace,
            probe,
            server,
            ..
        } = self;
        drop(keyspace);
        let striking = tokio::task::spawn_blocking(move || {
            // Its connection may break with the server, which is no failure any more.
            let _ = probe.stop();
            server.stop()
        });
        match striking.await {
            Ok(stopped) => stopped.map_err(|error| from_lab(&error, Exit::Connection)),
            Err(error) => {
                Err(Halt::new(Exit::Incomplete, "stop the private server").with_cause(&error))
            }
        }
    }
}

fn build(keys: u64) -> Result<Props, Halt> {
    // A tour without its server is one that has no connection.
    let failed = |error: LabError| from_lab(&error, Exit::Connection);
    let program = Program::find().map_err(failed)?;
    let server = OwnedServer::start(&program, ServerOptions::default()).map_err(failed)?;
    let mut raw = Raw::connect(server.endpoint()).map_err(failed)?;
    let started = Instant::now();
    seed::demo(&mut raw, keys).map_err(failed)?;
    let seeded_in = started.elapsed();
    let probe = Probe::start(server.endpoint(), PROBE_INTERVAL).map_err(failed)?;
    Ok(Props {
        server,
        probe,
        seeded_in,
    })
}
