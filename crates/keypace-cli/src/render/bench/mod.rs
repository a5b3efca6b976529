//! What `keypace bench` found, as data and in its three forms: JSON, a table, a picture. Measures nothing.

mod curve;
mod labels;
mod panel;
mod picture;
mod report;
mod scale;
mod table;

pub(crate) use self::picture::picture;
pub(crate) use self::report::{Found, Report, Row, Server, Wait, Way};
pub(crate) use self::table::table;
