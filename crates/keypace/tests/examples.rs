//! The examples do what they show, on every server that is here.

mod common;
#[expect(dead_code, reason = "it is a program by itself")]
#[path = "../examples/sessions.rs"]
mod sessions;

use common::servers;

#[tokio::test]
async fn the_example_of_sessions_lists_the_newest_first_and_leaves_none() {
    for server in servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let key_file = folder.path().join("owner-keys.json");
        // Twice, as a person would.
        for _ in 0..2 {
            let ran = sessions::run(&server.url(), key_file.to_str().expect("text")).await;
            let lines = ran.expect("ran");
            let mut turns: Vec<&str> = lines[..5].iter().map(String::as_str).collect();
            // Those of one millisecond are in the order of their ids.
            turns.sort_unstable();
            let wanted = [
                "s1: small, 2 turns",
                "s2: small, 2 turns",
                "s3: small, 3 turns",
            ];
            assert_eq!(turns[..3], wanted);
            assert_eq!(lines[5..], ["alice has 5, bob has 0", "5 deleted"]);
        }
    }
}
