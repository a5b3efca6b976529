//! The servers that are worked on, by name. Must not know jobs or HTTP, and shows no credentials.

mod identity;

pub use identity::Identity;
