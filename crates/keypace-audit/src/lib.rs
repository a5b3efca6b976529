//! Source trees in, findings out: where code asks Redis for work that makes every other client wait.
//! Must not know a server, print, or read the environment.

mod extract;
mod facts;
mod language;
mod limits;
mod syntax;
