//! The service's whole HTTP surface, on a real listener, over real servers: who may do what, what each reply looks like, and
//! what becomes of requests that can't be meant.

mod bounds;
mod caches;
mod confirming;
mod documented;
mod events;
mod jobs;
mod keys;
mod line;
mod load;
mod malformed;
mod scopes;
mod sessions;
mod world;
