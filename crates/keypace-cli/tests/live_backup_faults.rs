//! What befalls a backed delete on real processes: cut connections, a full disk, a client that writes meanwhile, slots that
//! move. Whatever it is, each value is on the server or in the backup. Seeds are printed, and `KEYPACE_SEED` replays
//! them.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[path = "live_backup_faults/cuts.rs"]
mod cuts;
#[path = "live_backup_faults/full.rs"]
mod full;
#[path = "live_backup_faults/moving.rs"]
mod moving;
#[path = "live_backup_faults/writer.rs"]
mod writer;
