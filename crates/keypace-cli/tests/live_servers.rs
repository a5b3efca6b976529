//! keypace on one server of each version in `servers.toml`: each command through the real binary, and how it got there,
//! which is the version's column of the table in docs/servers.md. Each test has a server of its own.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

#[path = "live_servers/changing.rs"]
mod changing;
#[path = "live_servers/column.rs"]
mod column;
#[path = "live_servers/reading.rs"]
mod reading;
#[path = "live_servers/stage.rs"]
mod stage;

#[test]
fn redis_2_8() {
    column::check("redis-2.8");
}

#[test]
fn redis_3_2() {
    column::check("redis-3.2");
}

#[test]
fn redis_5_0() {
    column::check("redis-5.0");
}

#[test]
fn redis_6_2() {
    column::check("redis-6.2");
}

#[test]
fn redis_7_0() {
    column::check("redis-7.0");
}

#[test]
fn redis_8_0() {
    column::check("redis-8.0");
}

#[test]
fn valkey_8_1() {
    column::check("valkey-8.1");
}

#[test]
fn valkey_9_1() {
    column::check("valkey-9.1");
}

#[test]
fn the_table_has_every_version() {
    assert_eq!(
        column::versions(),
        [
            "redis-2.8",
            "redis-3.2",
            "redis-5.0",
            "redis-6.2",
            "redis-7.0",
            "redis-8.0",
            "valkey-8.1",
            "valkey-9.1",
        ]
    );
}
