//! Owns passwords and ACLs: who is let in, what is refused, in the words of each server. It must not test anything else.

use keypace_testkit::{Sim, SimOptions, User};

use crate::client::Client;

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

fn guarded(options: SimOptions) -> Sim {
    let user = User::new("u", "p")
        .with_key_prefix("app:")
        .without_command("FLUSHDB")
        .without_command("CONFIG|GET");
    Sim::with(options.with_password("secret").with_user(user))
}

#[tokio::test]
async fn a_password_is_asked_for_before_all_else() {
    let mut client = Client::new(guarded(SimOptions::default()).connect());
    assert_eq!(
        client.ask("GET a").await,
        "-NOAUTH Authentication required."
    );
    assert_eq!(
        client.ask("GET").await,
        "-ERR wrong number of arguments for 'get' command"
    );
    assert!(
        client
            .ask("HELLO 3")
            .await
            .starts_with("-NOAUTH HELLO must be called with the client already")
    );
    assert_eq!(client.ask("HELLO 3 AUTH default bad").await, WRONG);
    assert_eq!(client.ask("AUTH bad").await, WRONG);
    assert_eq!(client.ask("AUTH secret").await, "+OK");
    assert_eq!(client.ask("GET a").await, "nil");
    let mut client = Client::new(guarded(SimOptions::default()).connect());
    assert!(
        client
            .ask("HELLO 3 AUTH default secret SETNAME me")
            .await
            .starts_with("[server redis")
    );
    assert_eq!(client.ask("CLIENT GETNAME").await, "me");
    let mut client =
        Client::new(guarded(SimOptions::default().with_valkey_version("9.1.2")).connect());
    assert_eq!(
        client.ask("GET").await,
        "-NOAUTH Authentication required.",
        "Valkey tells a stranger nothing"
    );
}

#[tokio::test]
async fn without_a_password_auth_says_so() {
    let mut client = Client::new(Sim::new().connect());
    assert!(
        client
            .ask("AUTH x")
            .await
            .starts_with("-ERR AUTH <password> called without any password configured")
    );
    assert_eq!(client.ask("AUTH default x").await, "+OK");
}

#[tokio::test]
async fn commands_and_keys_are_refused_in_the_servers_words() {
    let redis = [
        (
            "FLUSHDB",
            "-NOPERM this user has no permissions to run the 'flushdb' command",
        ),
        (
            "CONFIG GET x",
            "-NOPERM this user has no permissions to run the 'config|get' command",
        ),
        (
            "MGET app:1 other",
            "-NOPERM this user has no permissions to access one of the keys used as arguments",
        ),
        (
            "EVAL x 1 other",
            "-NOPERM this user has no permissions to access one of the keys used as arguments",
        ),
    ];
    let valkey = [
        (
            "FLUSHDB",
            "-NOPERM User u has no permissions to run the 'flushdb' command",
        ),
        ("GET other", "-NOPERM No permissions to access a key"),
    ];
    for (options, rows) in [
        (SimOptions::default(), &redis[..]),
        (
            SimOptions::default().with_valkey_version("9.1.2"),
            &valkey[..],
        ),
    ] {
        let mut client = Client::new(guarded(options).connect());
        assert_eq!(client.ask("AUTH u p").await, "+OK");
        for (command, expected) in rows {
            assert_eq!(client.ask(command).await, *expected, "{command}");
        }
        assert_eq!(
            client.ask("MSET app:1 1 app:2 other").await,
            "+OK",
            "values are no keys"
        );
        assert_eq!(client.ask("MGET app:1 app:2").await, "[1 other]");
        assert_eq!(
            client
                .ask("SCAN 0 COUNT 1000")
                .await
                .matches("app:")
                .count(),
            2,
            "SCAN has no keys to check"
        );
    }
}

#[tokio::test]
async fn a_user_may_be_held_to_some_commands() {
    let user = User::new("default", "")
        .with_command("SCAN")
        .with_command("CLIENT");
    let mut client = Client::new(Sim::with(SimOptions::default().with_user(user)).connect());
    assert_eq!(client.ask("SCAN 0").await, "[0 []]");
    assert_eq!(client.ask("CLIENT ID").await, ":1");
    assert_eq!(
        client.ask("UNLINK a").await,
        "-NOPERM this user has no permissions to run the 'unlink' command"
    );
}
