//! Owns the texts and shapes of replies: golden rows taken from Redis 7.0.15 and Valkey 9.1.2. It must not test faults.

use std::time::Duration;

use keypace_testkit::{Reply, Role, Sim, SimOptions, Value};

use crate::client::Client;

async fn check(sim: &Sim, rows: &[(&str, &str)]) {
    let mut client = Client::new(sim.connect());
    for (command, expected) in rows {
        assert_eq!(client.ask(command).await, *expected, "{command}");
    }
}

const STRINGS_AND_KEYS: &[(&str, &str)] = &[
    ("PING", "+PONG"),
    ("PING a", "a"),
    (
        "PING a b",
        "-ERR wrong number of arguments for 'ping' command",
    ),
    ("ECHO", "-ERR wrong number of arguments for 'echo' command"),
    ("SET a 1", "+OK"),
    ("SET a 2 NX", "nil"),
    ("SET a 2 XX GET", "1"),
    ("GET a", "2"),
    ("SET a 1 EX 0", "-ERR invalid expire time in 'set' command"),
    (
        "SET a 1 EX x",
        "-ERR value is not an integer or out of range",
    ),
    ("SET a 1 NX XX", "-ERR syntax error"),
    ("SET a 1 EX 10 PX 5", "-ERR syntax error"),
    ("SET a 1 KEEPTTL EX 1", "-ERR syntax error"),
    (
        "SET a 1 EX 9223372036854775807",
        "-ERR invalid expire time in 'set' command",
    ),
    ("TTL a", ":-1"),
    ("TTL nope", ":-2"),
    ("EXPIRE a x", "-ERR value is not an integer or out of range"),
    ("EXPIRE a 10 FOO", "-ERR Unsupported option FOO"),
    ("EXPIRE a 10", ":1"),
    ("EXPIRE a 20 NX", ":0"),
    ("TTL a", ":10"),
    ("PERSIST a", ":1"),
    ("PERSIST a", ":0"),
    ("EXPIRE a -1", ":1"),
    ("EXISTS a", ":0"),
    ("MSET a 1 b 2", "+OK"),
    (
        "MSET a 1 b",
        "-ERR wrong number of arguments for 'mset' command",
    ),
    ("MGET a nope b", "[1 nil 2]"),
    ("EXISTS a a b nope", ":3"),
    ("UNLINK a nope", ":1"),
    ("DEL b b", ":1"),
    ("TYPE b", "+none"),
    ("SELECT 16", "-ERR DB index is out of range"),
    ("SELECT x", "-ERR value is not an integer or out of range"),
    (
        "FOO a b",
        "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' ",
    ),
    (
        "CONFIG FOO",
        "-ERR unknown subcommand 'FOO'. Try CONFIG HELP.",
    ),
    (
        "CONFIG GET",
        "-ERR wrong number of arguments for 'config|get' command",
    ),
    (
        "OBJECT",
        "-ERR wrong number of arguments for 'object' command",
    ),
    (
        "CLIENT NO-TOUCH ON",
        "-ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP.",
    ),
    ("CLIENT ID", ":1"),
    ("CLIENT GETNAME", "nil"),
    ("CLIENT SETNAME me", "+OK"),
    ("CLIENT GETNAME", "me"),
    ("CONFIG GET maxmemory-pol*", "[maxmemory-policy noeviction]"),
    ("FLUSHDB FOO", "-ERR syntax error"),
    ("RANDOMKEY", "nil"),
];

#[tokio::test]
async fn strings_and_keys_answer_as_redis_does() {
    check(&Sim::new(), STRINGS_AND_KEYS).await;
}

#[tokio::test]
async fn collections_answer_as_redis_does() {
    let rows = [
        ("RPUSH l a b", ":2"),
        ("LLEN l", ":2"),
        (
            "GET l",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        (
            "SADD l a",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("SADD s a b a", ":2"),
        ("SCARD s", ":2"),
        (
            "HSET h a",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        ("HSET h a 1 b 2", ":2"),
        ("HLEN h", ":2"),
        (
            "ZADD z 1",
            "-ERR wrong number of arguments for 'zadd' command",
        ),
        ("ZADD z x a", "-ERR value is not a valid float"),
        ("ZADD z 1 a 2.5 b inf c -inf d", ":4"),
        (
            "ZADD z XX NX 1 a",
            "-ERR XX and NX options at the same time are not compatible",
        ),
        ("ZADD z GT CH 3 a 1 b", ":1"),
        ("ZADD z 1 a", ":0"),
        (
            "ZRANGEBYSCORE z -inf +inf WITHSCORES",
            "[d -inf a 1 b 2.5 c inf]",
        ),
        ("ZRANGEBYSCORE z (1 3", "[b]"),
        ("ZRANGEBYSCORE z x 3", "-ERR min or max is not a float"),
        ("ZRANGEBYSCORE z 0 3 LIMIT 1 1", "[b]"),
        ("ZREMRANGEBYSCORE z 0 1", ":1"),
        ("ZCARD z", ":3"),
        ("ZREM z b c d", ":3"),
        ("EXISTS z", ":0"),
        ("TYPE h", "+hash"),
        ("DBSIZE", ":3"),
    ];
    check(&Sim::new(), &rows).await;
}

#[tokio::test]
async fn hello_switches_the_protocol() {
    let redis = "server redis version 7.0.15 proto :2 id :1 mode standalone role master modules []";
    let rows = [
        ("HELLO", &*format!("[{redis}]")),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        (
            "HELLO x",
            "-ERR Protocol version is not an integer or out of range",
        ),
        (
            "HELLO 3 SETNAME",
            "-ERR Syntax error in HELLO option 'SETNAME'",
        ),
        (
            "HELLO 3 AUTH a b",
            "-WRONGPASS invalid username-password pair or user is disabled.",
        ),
    ];
    check(&Sim::new(), &rows).await;
    let mut client =
        Client::new(Sim::with(SimOptions::default().with_valkey_version("9.1.2")).connect());
    client.send("HELLO 3").await;
    assert_eq!(client.bytes(4).await, b"%7\r\n");
    let greeting = client.ask("PING").await;
    assert!(
        greeting.contains("server"),
        "the rest of the map follows: {greeting}"
    );
}

#[tokio::test]
async fn command_info_tells_known_from_unknown() {
    let unlink = "[unlink :-2 [+write +fast] :1 :-1 :1 [] [] [] []]";
    check(
        &Sim::new(),
        &[("COMMAND INFO unlink nosuch", &format!("[{unlink} nil]"))],
    )
    .await;
    let without = SimOptions::default()
        .without_command("UNLINK")
        .without_command("CONFIG|GET");
    let rows = [
        ("COMMAND INFO unlink", "[nil]"),
        (
            "UNLINK a",
            "-ERR unknown command 'UNLINK', with args beginning with: 'a' ",
        ),
        (
            "CONFIG GET x",
            "-ERR unknown subcommand 'GET'. Try CONFIG HELP.",
        ),
    ];
    check(&Sim::with(without), &rows).await;
    let old = SimOptions::default().with_redis_version("3.2.6");
    let rows = [
        ("COMMAND INFO unlink hello", "[nil nil]"),
        ("SCAN 0 TYPE string", "-ERR syntax error"),
    ];
    check(&Sim::with(old), &rows).await;
    let new = SimOptions::default().with_redis_version("7.2.4");
    check(
        &Sim::with(new),
        &[
            ("CLIENT NO-TOUCH ON", "+OK"),
            ("CLIENT SETINFO lib-name x", "+OK"),
        ],
    )
    .await;
}

#[tokio::test]
async fn info_has_the_fields_that_keypace_reads() {
    let sim = Sim::with(
        SimOptions::default()
            .with_run_id("abc")
            .with_config("maxmemory-policy", "allkeys-lfu"),
    );
    sim.insert_strings("k", 0..3);
    sim.with_state(|state| state.set_info("lazyfree_pending_objects", "7"));
    let info = Client::new(sim.connect()).ask("INFO").await;
    for line in [
        "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n",
        "\r\nrun_id:abc\r\n",
        "\r\ntcp_port:0\r\n",
        "\r\nloading:0\r\n",
        "\r\nrole:master\r\n",
        "\r\nmaxmemory_policy:allkeys-lfu\r\n",
        "\r\nused_memory:",
        "\r\nlazyfree_pending_objects:7\r\n",
        "# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n",
    ] {
        assert!(info.contains(line), "{line:?} in {info}");
    }
    let valkey = Sim::with(SimOptions::default().with_valkey_version("9.1.2"));
    let info = Client::new(valkey.connect()).ask("INFO server").await;
    assert!(info.starts_with("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\nserver_mode:"));
}

#[tokio::test(start_paused = true)]
async fn ttls_and_idle_times_run_by_tokios_clock() {
    let sim = Sim::with(
        SimOptions::default()
            .with_valkey_version("9.1.2")
            .with_epoch_ms(1_000_000),
    );
    let mut client = Client::new(sim.connect());
    assert_eq!(client.ask("SET a 1 PX 1500").await, "+OK");
    assert_eq!(client.ask("PEXPIRETIME a").await, ":1001500");
    client.ask("SET b 1").await;
    tokio::time::advance(Duration::from_millis(1000)).await;
    assert_eq!(client.ask("PTTL a").await, ":500");
    assert_eq!(client.ask("OBJECT IDLETIME b").await, ":1");
    client.ask("CLIENT NO-TOUCH ON").await;
    client.ask("GET b").await;
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(client.ask("DBSIZE").await, ":2", "expired, and not met yet");
    assert_eq!(client.ask("GET a").await, "nil");
    assert_eq!(client.ask("DBSIZE").await, ":1");
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(
        client.ask("OBJECT IDLETIME b").await,
        ":2",
        "a NO-TOUCH read left it"
    );
    client.ask("CLIENT NO-TOUCH OFF").await;
    client.ask("GET b").await;
    assert_eq!(client.ask("OBJECT IDLETIME b").await, ":0");
    assert_eq!(client.ask("TIME").await, "[1002 0]");
}

#[tokio::test]
async fn scripts_are_closures() {
    let sim = Sim::new();
    sim.on_script("return del", |call| {
        let keys = call.keys.to_vec();
        let mut deleted = 0;
        for key in keys {
            if call.call(&[b"UNLINK", key.as_slice()]) == Reply::Int(1) {
                deleted += 1;
            }
        }
        Reply::Int(deleted)
    });
    sim.set(2, "a", "1");
    let mut client = Client::new(sim.connect());
    client.ask("SELECT 2").await;
    let text: &[u8] = b"return del";
    client.raw(&[b"SCRIPT", b"LOAD", text]).await;
    let digest = client.reply().await.expect("a digest");
    assert_eq!(client.ask(&format!("EVALSHA {digest} 2 a b")).await, ":1");
    assert!(!sim.contains(2, "a"));
    assert_eq!(
        client.ask("EVAL else 0").await,
        "-ERR scripting is not simulated"
    );
    assert_eq!(
        client.ask("EVALSHA abc 0").await,
        "-NOSCRIPT No matching script. Please use EVAL."
    );
    assert_eq!(
        client.ask("EVAL x -1").await,
        "-ERR Number of keys can't be negative"
    );
    assert_eq!(
        client.ask("EVAL x 5").await,
        "-ERR Number of keys can't be greater than number of args"
    );
}

#[tokio::test]
async fn a_replica_refuses_writes() {
    let sim = Sim::with(SimOptions::default().with_role(Role::Replica));
    sim.set(0, "a", Value::Str(b"1".to_vec()));
    let rows = [
        ("GET a", "1"),
        (
            "UNLINK a",
            "-READONLY You can't write against a read only replica.",
        ),
    ];
    check(&sim, &rows).await;
}

#[tokio::test]
async fn replies_can_be_switched_off_and_quit_ends() {
    let sim = Sim::new();
    let mut client = Client::new(sim.connect());
    client.send("CLIENT REPLY SKIP").await;
    client.send("PING skipped").await;
    assert_eq!(client.ask("PING heard").await, "heard");
    client.send("CLIENT REPLY OFF").await;
    client.send("PING lost").await;
    assert_eq!(client.ask("CLIENT REPLY ON").await, "+OK");
    client.send("QUIT").await;
    assert_eq!(client.rest().await, b"+OK\r\n");
    assert_eq!(sim.count_of("CLIENT"), 3);
    assert_eq!(sim.count_of("client reply"), 3);
}

#[tokio::test]
async fn a_broken_request_is_answered_and_ends_the_connection() {
    let mut client = Client::new(Sim::new().connect());
    client.raw(&[b"PING"]).await;
    client.bytes(7).await;
    client.send("PING").await;
    client.raw_bytes(b"*1\r\n+PING\r\n").await;
    assert_eq!(
        client.rest().await,
        b"+PONG\r\n-ERR Protocol error: expected '$', got '+'\r\n"
    );
}
