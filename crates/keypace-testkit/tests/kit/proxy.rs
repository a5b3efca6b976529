//! Owns the simulator's TCP face and the fault proxy in front of it: each fault, byte for byte.

use std::time::Duration;

use keypace_testkit::{Fault, FaultProxy, FaultRule, Sim, SimListener};
use tokio::net::{TcpStream, UnixListener};
use tokio::time::{Instant, timeout};

use crate::client::Client;

/// Long enough that only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

/// Long enough for loopback to deliver what was sent; only the proof that nothing comes waits so long.
const SILENCE: Duration = Duration::from_millis(200);

async fn proxied() -> (Sim, SimListener, FaultProxy) {
    let sim = Sim::new();
    sim.insert_strings("k", 0..100);
    let listener = sim.listen().await.expect("a port");
    let proxy = FaultProxy::start(listener.addr()).await.expect("a port");
    (sim, listener, proxy)
}

async fn dial(proxy: &FaultProxy) -> Client<TcpStream> {
    Client::new(
        TcpStream::connect(proxy.addr())
            .await
            .expect("the proxy listens"),
    )
}

#[tokio::test]
async fn without_rules_everything_passes() {
    let (sim, _listener, proxy) = proxied().await;
    sim.set(0, "big", vec![b'x'; 1_000_000]);
    let mut client = dial(&proxy).await;
    assert_eq!(client.ask("GET big").await.len(), 1_000_000);
    assert_eq!((proxy.connections(), proxy.open_connections()), (1, 1));
}

#[tokio::test]
async fn a_dropped_listener_ends_its_connections() {
    let sim = Sim::new();
    let listener = sim.listen().await.expect("a port");
    let mut client = Client::new(
        TcpStream::connect(listener.addr())
            .await
            .expect("it listens"),
    );
    assert_eq!(client.ask("PING").await, "+PONG");
    drop(listener);
    assert_eq!(
        timeout(HANG, client.rest())
            .await
            .expect("the connection ends"),
        b""
    );
    assert_eq!(sim.connections(), 0);
}

#[tokio::test]
async fn a_unix_socket_can_stand_behind_it() {
    let folder = std::env::temp_dir().join(format!("keypace-testkit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("proxy-target.sock");
    let server = UnixListener::bind(&path).expect("a socket");
    let proxy = FaultProxy::start(path.as_path()).await.expect("a port");
    let mut client = dial(&proxy).await;
    client.send("PING").await;
    let (stream, _) = server.accept().await.expect("the proxy dials");
    let mut far = Client::new(stream);
    assert_eq!(far.bytes(14).await, b"*1\r\n$4\r\nPING\r\n");
    far.raw_bytes(b"+PONG\r\n").await;
    assert_eq!(client.reply().await.as_deref(), Some("+PONG"));
    std::fs::remove_dir_all(&folder).expect("the folder was made above");
}

#[tokio::test]
async fn replies_are_cut_and_reset_at_a_byte() {
    let (_sim, _listener, proxy) = proxied().await;
    proxy.script(FaultRule::new(Fault::Cut).on_connection(1).after_bytes(9));
    proxy.script(FaultRule::new(Fault::Reset).on_connection(2).after_bytes(7));
    let mut first = dial(&proxy).await;
    assert_eq!(first.ask("PING").await, "+PONG");
    first.send("PING").await;
    assert_eq!(timeout(HANG, first.rest()).await.expect("it ends"), b"+P");
    let mut second = dial(&proxy).await;
    assert_eq!(second.ask("PING").await, "+PONG");
    second.send("PING").await;
    assert_eq!(timeout(HANG, second.reply()).await.expect("it ends"), None);
    assert_eq!(
        dial(&proxy).await.ask("PING").await,
        "+PONG",
        "the third is whole"
    );
}

#[tokio::test]
async fn bytes_are_left_out_and_turned() {
    let (_sim, _listener, proxy) = proxied().await;
    let mut client = dial(&proxy).await;
    client.ask("PING").await;
    proxy.script(FaultRule::new(Fault::Truncate(3)).after_bytes(1).from_now());
    client.send("PING").await;
    assert_eq!(client.bytes(4).await, b"+G\r\n");
    proxy.script(
        FaultRule::new(Fault::Corrupt(0x20))
            .after_bytes(1)
            .from_now(),
    );
    client.send("PING").await;
    assert_eq!(client.bytes(7).await, b"+pONG\r\n");
    assert_eq!(client.ask("PING").await, "+PONG", "once a connection");
}

#[tokio::test]
async fn a_stall_is_silent_and_ends_with_the_client() {
    let (sim, _listener, proxy) = proxied().await;
    proxy.script(FaultRule::new(Fault::Stall).after_bytes(3).times(1));
    let mut client = dial(&proxy).await;
    client.send("UNLINK k1").await;
    assert_eq!(client.bytes(3).await, b":1\r");
    timeout(SILENCE, client.bytes(1))
        .await
        .expect_err("nothing comes");
    assert!(!sim.contains(0, "k1"));
    assert_eq!(dial(&proxy).await.ask("PING").await, "+PONG");
    proxy.cut_all();
    assert_eq!(
        timeout(HANG, client.rest()).await.expect("cut_all ends it"),
        b""
    );
}

#[tokio::test]
async fn chunks_are_delayed() {
    let (_sim, _listener, proxy) = proxied().await;
    let delay = Duration::from_millis(60);
    proxy.script(FaultRule::new(Fault::DelayChunks(delay)));
    let mut client = dial(&proxy).await;
    for _ in 0..3 {
        let start = Instant::now();
        assert_eq!(client.ask("PING").await, "+PONG");
        assert!(start.elapsed() >= delay);
    }
}

#[tokio::test]
async fn connections_are_refused() {
    let (sim, _listener, proxy) = proxied().await;
    proxy.refuse(2);
    for _ in 0..2 {
        assert_eq!(
            timeout(HANG, dial(&proxy).await.rest())
                .await
                .expect("it ends"),
            b""
        );
    }
    assert_eq!(dial(&proxy).await.ask("PING").await, "+PONG");
    proxy.refuse_all();
    assert_eq!(
        timeout(HANG, dial(&proxy).await.rest())
            .await
            .expect("it ends"),
        b""
    );
    proxy.accept_again();
    assert_eq!(dial(&proxy).await.ask("PING").await, "+PONG");
    assert_eq!(proxy.connections(), 5);
    assert_eq!(sim.commands().len(), 2, "the server heard of two");
}

#[tokio::test]
async fn a_server_that_is_gone_shows_as_a_reset() {
    let (_sim, listener, proxy) = proxied().await;
    drop(listener);
    let mut client = dial(&proxy).await;
    assert_eq!(timeout(HANG, client.rest()).await.expect("it ends"), b"");
}

#[tokio::test]
async fn a_slow_link_keeps_its_rate_and_every_byte() {
    let (sim, _listener, proxy) = proxied().await;
    let value: Vec<u8> = (0..60_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    sim.set(0, "big", value.clone());
    let mut client = dial(&proxy).await;
    client.ask("PING").await;
    proxy.script(FaultRule::new(Fault::Throttle(200_000)).from_now());
    let start = Instant::now();
    let reply = client.ask("GET big").await;
    assert!(reply.as_bytes() == value, "byte for byte");
    // 60,000 bytes at 200,000 a second; the last piece need not be waited for.
    assert!(
        start.elapsed() >= Duration::from_millis(280),
        "{:?}",
        start.elapsed()
    );
    proxy.script(FaultRule::new(Fault::Throttle(u64::MAX)).from_now());
    let start = Instant::now();
    client.ask("GET big").await;
    assert!(
        start.elapsed() < Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );
}
