//! The lab against real servers, each test with a server of its own, once for every program on this machine.
//! Must not skip: where no program is found a test fails with the text that says how to get one.

mod cluster;
mod delay;
mod floor;
mod postgres;
mod probe;
mod raw;
mod seed;
mod sentinel;
mod server;
mod traffic;

use keypace_lab::OwnedServer;
use keypace_lab::Program;
use keypace_lab::ServerOptions;

/// Runs `check` with a fresh server of every program.
fn with_each(options: &ServerOptions, check: impl Fn(&mut OwnedServer)) {
    for program in programs() {
        let mut server = OwnedServer::start(&program, options.clone()).expect("a server");
        eprintln!("on {}", program.label());
        check(&mut server);
        server.stop().expect("a stopped server");
    }
}

fn programs() -> Vec<Program> {
    Program::find().expect("a server program");
    Program::all()
}
