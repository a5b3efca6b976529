//! Deletes with copies against the simulator and against real servers: whatever happens between WATCH and EXEC, a value is
//! on the server or in the vault, and each key ends once.

mod ahead;
mod harness;
mod live;
mod live_cluster;
mod sim;
