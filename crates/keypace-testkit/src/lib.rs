//! Owns what keypace's tests run against: a simulated server with scripted faults, and a proxy that harms a real one.
//! It must not import `keypace` (each is a check on the other), and is no part of what is published.
//!
//! ```
//! use keypace_testkit::{Action, Rule, Sim};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let sim = Sim::new();
//! sim.insert_strings("session:", 0..3);
//! sim.script(Rule::on("SCAN").then(Action::Error("LOADING Redis is loading the dataset in memory".into())));
//!
//! let mut connection = sim.connect();
//! connection.write_all(b"SCAN 0\r\nDBSIZE\r\n").await?;
//! let mut reply = vec![0; 53];
//! connection.read_exact(&mut reply).await?;
//! assert_eq!(reply, b"-LOADING Redis is loading the dataset in memory\r\n:3\r\n"[..]);
//! # Ok(())
//! # }
//! ```

pub mod limits;
mod proxy;
mod sim;

pub use proxy::Fault;
pub use proxy::FaultProxy;
pub use proxy::FaultRule;
pub use proxy::Target;
pub use sim::Action;
pub use sim::ClusterFn;
pub use sim::ClusterState;
pub use sim::CommandRecord;
pub use sim::Flavour;
pub use sim::Proto;
pub use sim::Reply;
pub use sim::Resize;
pub use sim::Role;
pub use sim::Rule;
pub use sim::ScanLayout;
pub use sim::ScriptCall;
pub use sim::ScriptFn;
pub use sim::Sim;
pub use sim::SimCluster;
pub use sim::SimListener;
pub use sim::SimOptions;
pub use sim::State;
pub use sim::StateFn;
pub use sim::User;
pub use sim::Value;
