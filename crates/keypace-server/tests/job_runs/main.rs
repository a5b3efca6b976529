//! Jobs on real servers, done by a runner over a job store: every kind of work, orders in mid-run, servers that go away, and
//! leases that are lost. HTTP is not looked at here.

mod backups;
mod clusters;
mod desk;
mod flaky;
mod leases;
mod orders;
mod outages;
mod works;
