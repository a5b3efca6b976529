//! `keypace index` against every server program of this machine, alone and as clusters: each kind of drift under its name,
//! rebuilds beside writers, stopped and killed ones, lists. Each test has servers of its own.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

#[path = "live_index/drift.rs"]
mod drift;
#[path = "live_index/list.rs"]
mod list;
#[path = "live_index/place.rs"]
mod place;
#[path = "live_index/rebuild.rs"]
mod rebuild;
#[path = "live_index/rekey.rs"]
mod rekey;
