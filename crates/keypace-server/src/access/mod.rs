//! Who may do what: scopes, API keys, signatures and tickets. Must not know HTTP, jobs or SQL. Secrets never show themselves.

mod key;
mod key_store;
mod scope;
mod seal;
mod signer;
mod tickets;

pub use key::Caller;
pub use key::KeyId;
pub use key::KeyRow;
pub use key::NewKey;
pub use key::hash_of;
pub use key_store::KeyAnswer;
pub use key_store::KeyStore;
pub use scope::Scope;
pub use scope::UnknownScope;
pub(crate) use seal::open;
pub(crate) use seal::seal;
pub use signer::Signer;
pub use tickets::TicketError;
pub use tickets::Tickets;
