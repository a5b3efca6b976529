//! Owns the proof of the simulator and the proxy from the outside, as a client meets them. It must not need a real server.

mod client;
mod cluster;
mod cluster_changes;
mod commands;
mod faults;
mod proxy;
mod rights;
mod scans;
mod transactions;
