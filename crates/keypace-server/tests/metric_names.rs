//! The example alerts and the example dashboard name figures, and labels of them, that the service has. Starts nothing.

use std::collections::BTreeSet;

use keypace_server::metrics::{FIGURES, Figure, Kind};

const ALERTS: &str = include_str!("../../../docs/examples/alerts.yml");
const DASHBOARD: &str = include_str!("../../../docs/examples/dashboard.json");

/// What a histogram's figures are called behind its name.
const BEHIND: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The figure that a name in a query stands for.
fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| {
        let is_part = |end: &&str| format!("{}{end}", figure.name) == name;
        match figure.kind {
            Kind::Histogram => BEHIND.iter().any(|end| is_part(&end)),
            Kind::Counter | Kind::Gauge => figure.name == name,
        }
    })
}

/// All names in a text that begin like ours, each with the labels that are asked for right behind it.
fn named(text: &str) -> Vec<(String, Vec<String>)> {
    let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    text.match_indices("keypace_")
        .map(|(at, _)| {
            let name: String = text[at..].chars().take_while(is_word).collect();
            let rest = &text[at + name.len()..];
            let inside = rest
                .strip_prefix('{')
                .and_then(|rest| rest.split('}').next());
            let labels = inside.unwrap_or_default().split(',').filter_map(|pair| {
                let label: String = pair.trim().chars().take_while(is_word).collect();
                (!label.is_empty()).then_some(label)
            });
            (name, labels.collect())
        })
        .collect()
}

#[test]
fn alerts_and_the_dashboard_name_what_there_is() {
    for (document, text) in [("alerts.yml", ALERTS), ("dashboard.json", DASHBOARD)] {
        for (name, labels) in named(text) {
            let figure = figure(&name).unwrap_or_else(|| panic!("{document}: no figure {name}"));
            for label in labels {
                let is_known = figure.labels.contains(&label.as_str()) || label == "le";
                assert!(is_known, "{document}: {name} has no label {label}");
            }
        }
    }
}

/// `by (server, le)` names labels too: each is one of the figure in the same query.
#[test]
fn queries_group_by_labels_that_there_are() {
    let known: BTreeSet<&str> = FIGURES
        .iter()
        .flat_map(|figure| figure.labels.iter().copied())
        .chain(["le"])
        .collect();
    for text in [ALERTS, DASHBOARD] {
        for (at, _) in text.match_indices("by (") {
            let inside = text[at + "by (".len()..]
                .split(')')
                .next()
                .unwrap_or_default();
            for label in inside.split(',').map(str::trim) {
                assert!(known.contains(label), "by ({inside})");
            }
        }
    }
}

#[test]
fn the_dashboard_shows_every_figure_and_is_json() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    assert!(
        dashboard["panels"]
            .as_array()
            .is_some_and(|panels| !panels.is_empty())
    );
    let shown: BTreeSet<&str> = named(DASHBOARD)
        .iter()
        .filter_map(|(name, _)| figure(name).map(|figure| figure.name))
        .collect();
    for figure in FIGURES {
        assert!(
            shown.contains(figure.name),
            "the dashboard lacks {}",
            figure.name
        );
    }
}
