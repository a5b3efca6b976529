//! What the flags that look at a key mean: idle time, TTL, size, as the library's filters. Talks to no server.

use keypace::{Error, Filters};

use super::{Settings, units};
use crate::args::Filter;
use crate::exit::{Halt, Phase};

/// The filters that were typed, checked. None typed, none given.
pub(super) fn filters(settings: &Settings, typed: &Filter) -> Result<Filters, Halt> {
    let mut filters = Filters::default().with_trust_idle(settings.trust_idle);
    if let Some(text) = &typed.idle_over {
        let idle = read("--idle-over", text, units::duration)?;
        filters = filters.with_idle_over(idle).map_err(refused)?;
    }
    if typed.has_ttl {
        filters = filters.with_has_ttl();
    }
    if typed.no_ttl {
        filters = filters.with_no_ttl();
    }
    if let Some(text) = &typed.ttl_under {
        filters = filters.with_ttl_under(read("--ttl-under", text, units::duration)?);
    }
    if let Some(text) = &typed.ttl_over {
        filters = filters.with_ttl_over(read("--ttl-over", text, units::duration)?);
    }
    if let Some(text) = &typed.size_over {
        filters = filters.with_size_over(read("--size-over", text, units::bytes)?);
    }
    if let Some(text) = &typed.size_under {
        filters = filters.with_size_under(read("--size-under", text, units::bytes)?);
    }
    // What contradicts itself needs no server to be refused.
    filters.check().map_err(refused)?;
    Ok(filters)
}

fn read<T>(flag: &str, text: &str, unit: fn(&str) -> Result<T, String>) -> Result<T, Halt> {
    unit(text).map_err(|why| Halt::usage(format!("read {flag}: {why}")))
}

fn refused(error: Error) -> Halt {
    Halt::library(&error, Phase::Connecting)
}
