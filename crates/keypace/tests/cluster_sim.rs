//! The promise of a cluster's sweep, against the simulator: what befalls the nodes comes at every moment in turn, and the
//! log of commands says what was asked of whom. Real processes are in `cluster_live`.

#[path = "cluster_sim/harness.rs"]
mod harness;

#[path = "cluster_sim/bounds.rs"]
mod bounds;
mod common;
#[path = "cluster_sim/moments.rs"]
mod moments;
#[path = "cluster_sim/outages.rs"]
mod outages;
#[path = "cluster_sim/resumed.rs"]
mod resumed;
#[path = "cluster_sim/stale.rs"]
mod stale;
