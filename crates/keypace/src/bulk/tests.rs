//! Bulk reads on the simulator.
