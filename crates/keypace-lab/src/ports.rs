//! Free ports on loopback, for one server and for a cluster node with its bus.
//! Holds none of them: whoever binds one may still lose it, and asks again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::launch;
use crate::limits;
use crate::seed::SplitMix64;

/// Any port that is free now.
pub(crate) fn free() -> Result<SocketAddr, LabError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| launch::system("find a free port", error))
}

/// A port below those of outgoing connections, free now together with its bus port. Chosen at random, so that tests
/// which look at the same moment rarely see the same one; a server that loses it fails to bind and asks again.
pub(crate) fn free_steady() -> Result<Endpoint, LabError> {
    let mut random = SplitMix64::new(RandomState::new().build_hasher().finish());
    for _ in 0..limits::STEADY_PORT_LOOKS {
        // Less than STEADY_PORTS, so it fits.
        let offset = (random.next() % u64::from(limits::STEADY_PORTS)) as u16;
        let port = limits::FIRST_STEADY_PORT + offset;
        if is_free(port) && is_free(port + limits::BUS_PORT_OFFSET) {
            return Ok(Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        }
    }
    Err(LabError::new(
        LabErrorKind::System,
        "find a free port whose bus port is free too",
    ))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
