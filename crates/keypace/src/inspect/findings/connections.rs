//! Findings about connections. Pure.

use super::{Scene, finding};
use crate::inspect::clients::Client;
use crate::inspect::said::{bytes, number};
use crate::inspect::settings::Settings;
use crate::limits::inspect::{LARGE_OUTPUT_BYTES, LONG_IDLE_S, MANY_IDLE_CLIENTS};
use crate::report::{Caller, InspectFinding, Severity};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let told = scene.looks.iter().flat_map(|look| {
        let own: Vec<&Client> = look
            .clients
            .iter()
            .filter(|client| !client.is_link())
            .collect();
        let timeout = Settings(&look.settings).number("timeout");
        let mut told: Vec<InspectFinding> = [unread(&own), idle(&own, timeout)]
            .into_iter()
            .flatten()
            .collect();
        for finding in &mut told {
            finding.nodes = vec![look.node.clone()];
        }
        told
    });
    told.collect()
}

/// Answers pile up in the server's memory for somebody who doesn't read them.
fn unread(clients: &[&Client]) -> Option<InspectFinding> {
    let slowest = clients.iter().max_by_key(|client| client.output_bytes)?;
    if slowest.output_bytes < LARGE_OUTPUT_BYTES {
        return None;
    }
    let text = format!(
        "{} of answers wait for one client to read them",
        bytes(slowest.output_bytes)
    );
    let fix = "let it read, or bound what it may leave unread: client-output-buffer-limit";
    let mut told = finding("unread-output", Severity::High, text, fix);
    told.callers = vec![Caller {
        name: slowest.name.clone(),
        library: slowest.library.clone(),
        host: slowest.host(),
        times: 1,
    }];
    Some(told)
}

fn idle(clients: &[&Client], timeout: Option<i64>) -> Option<InspectFinding> {
    let idle = clients
        .iter()
        .filter(|client| client.idle_s >= LONG_IDLE_S)
        .count() as u64;
    if idle < MANY_IDLE_CLIENTS || timeout != Some(0) {
        return None;
    }
    let text = format!(
        "{} connections were not used for an hour, and timeout is 0: they stay until their clients end them",
        number(idle)
    );
    let fix = "CONFIG SET timeout 3600 where clients connect anew by themselves; smaller pools";
    Some(finding("idle-clients", Severity::Low, text, fix))
}
