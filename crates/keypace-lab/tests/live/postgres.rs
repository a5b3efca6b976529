//! A PostgreSQL that belongs to a value: it answers, comes back with its data, and leaves nothing behind.
//! Where there is none on this machine that is said; under `CI=true` it is a failure.

use std::path::Path;

use keypace_lab::{OwnedPostgres, PostgresProgram};

#[test]
fn a_postgres_comes_back_after_a_crash_and_goes_with_its_owner() {
    let program = match PostgresProgram::find() {
        Ok(program) => program,
        Err(error) => {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{error:?}");
            eprintln!("not run: {error:?}");
            return;
        }
    };
    let mut postgres = OwnedPostgres::start(&program).expect("a server");
    let url = postgres.url();
    let folder = url.split_once("?host=").expect("a socket's folder").1;
    let folder = Path::new(folder).to_owned();
    let first = postgres.pid();
    postgres.restart().expect("it recovers");
    assert_ne!(postgres.pid(), first);
    assert_eq!(postgres.url(), url);
    postgres.kill().expect("it ends");
    postgres.kill().expect("once more is no harm");
    drop(postgres);
    assert!(!folder.exists(), "{folder:?} is left");
}
