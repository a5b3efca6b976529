//! The router on simulated and real servers.
