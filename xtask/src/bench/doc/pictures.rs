//! The document's pictures: bars of the medians of kept rows, one colour a server, readable on a light and on a dark
//! page. Must not choose a scale that hides a figure: each bar begins at nothing, and its figure stands behind it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tables::{self, Kept};
use crate::bench::figures::{column, median};
use crate::bench::options::Group;
use crate::bench::shown;

/// Below the workspace; the document names the files from beside them.
pub(super) const FOLDER: &str = "docs/pictures";

/// Bars of one field of a group's rows.
pub(super) struct Picture {
    /// Its file's name, without the ending.
    pub(super) name: &'static str,
    /// The section that it stands in.
    pub(super) section: &'static str,
    title: &'static str,
    group: Group,
    takes: fn(&str) -> bool,
    field: &'static str,
    unit: &'static str,
    /// What a figure is divided by to be of that unit.
    divisor: f64,
}

pub(super) const PICTURES: [Picture; 6] = [
    Picture {
        name: "delete-waits",
        section: "Deleting half of the keyspace",
        title: "What 99 of 100 requests of another client wait at most, while 500,000 keys are deleted",
        group: Group::Promise,
        takes: |row| !row.starts_with("list "),
        field: "p99_us",
        unit: "us",
        divisor: 1.0,
    },
    Picture {
        name: "delete-usual-ways",
        section: "The usual ways",
        title: "How long deleting 500,000 of 1,000,000 keys takes",
        group: Group::Rivals,
        takes: |_| true,
        field: "wall_ms",
        unit: "s",
        divisor: 1000.0,
    },
    Picture {
        name: "list-waits",
        section: "Listing against KEYS",
        title: "The longest wait of another client, while 1,000,000 keys are listed",
        group: Group::Promise,
        takes: |row| row.starts_with("list 1000000:"),
        field: "max_us",
        unit: "ms",
        divisor: 1000.0,
    },
    Picture {
        name: "cluster-count",
        section: "A cluster",
        title: "How long counting a cluster's 1,000,000 keys takes",
        group: Group::Cluster,
        takes: |row| row.starts_with("count"),
        field: "wall_ms",
        unit: "s",
        divisor: 1000.0,
    },
    Picture {
        name: "far-away",
        section: "Far away",
        title: "How long counting 1,000,000 keys takes, with round trips of 1 and 5 ms",
        group: Group::Lanes,
        takes: |row| row.starts_with("round trip"),
        field: "wall_ms",
        unit: "s",
        divisor: 1000.0,
    },
    Picture {
        name: "records-list",
        section: "Lists by owner",
        title: "How long the first 20 of an owner's records take, among so many of others",
        group: Group::Records,
        takes: |row| row.starts_with("list"),
        field: "list_us",
        unit: "us",
        divisor: 1.0,
    },
];

/// Readable on white and on near black, and apart from each other for the colour-blind, who also have the order.
const COLOURS: [&str; 4] = ["#2f81f7", "#1a9e8f", "#b08800", "#a371f7"];
const TEXT: &str = "#768390";
/// All in pixels of the picture.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 12.0;
/// Room behind the longest bar for its figure.
const RIGHT: f64 = 110.0;
const HEAD: f64 = 58.0;
const LABEL: f64 = 20.0;
const BAR: f64 = 14.0;
const GAP: f64 = 10.0;

/// A row's name, and what each server has of it.
struct Bars<'a> {
    name: &'a str,
    values: Vec<(usize, f64)>,
}

/// A line of Markdown that shows the picture, where there is anything to show.
pub(super) fn shown_in(section: &str, kept: &Kept<'_>) -> String {
    let pictures = PICTURES.iter().filter(|own| own.section == section);
    let drawn = pictures.filter(|picture| svg(picture, kept).is_some());
    drawn
        .map(|picture| format!("\n![{}](pictures/{}.svg)\n", picture.title, picture.name))
        .collect()
}

/// The picture; none where nothing of it is kept.
pub(super) fn svg(picture: &Picture, kept: &Kept<'_>) -> Option<String> {
    let bars = bars(picture, kept);
    let most = bars
        .iter()
        .flat_map(|row| row.values.iter().map(|(_, value)| *value))
        .fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let servers: BTreeSet<usize> = bars
        .iter()
        .flat_map(|row| row.values.iter().map(|(at, _)| *at))
        .collect();
    let mut body = String::new();
    let mut y = HEAD;
    for row in &bars {
        y += LABEL;
        body += &format!(
            "<text x=\"{LEFT}\" y=\"{:.0}\">{}</text>\n",
            y - 5.0,
            escaped(row.name)
        );
        for (server, value) in &row.values {
            let width = (value / most * (WIDTH - LEFT - RIGHT)).max(1.0);
            let colour = COLOURS[server % COLOURS.len()];
            body += &format!(
                "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.0}\">{} {}</text>\n",
                LEFT + width + 6.0,
                y + BAR - 3.0,
                shown::number(*value),
                picture.unit,
            );
            y += BAR + 2.0;
        }
        y += GAP;
    }
    Some(framed(picture.title, &legend(&servers, kept), &body, y))
}

fn bars<'a>(picture: &Picture, kept: &Kept<'a>) -> Vec<Bars<'a>> {
    let mut all: Vec<Bars<'a>> = Vec::new();
    for (at, server) in kept.servers().enumerate() {
        for row in kept.rows(picture.group, server) {
            let name = tables::name(row);
            let rounds = row["rounds"].as_array().map_or(&[][..], Vec::as_slice);
            let values = column(rounds, picture.field);
            if !(picture.takes)(name) || values.is_empty() {
                continue;
            }
            let value = (at, median(&values) / picture.divisor);
            match all.iter_mut().find(|bars| bars.name == name) {
                Some(bars) => bars.values.push(value),
                None => all.push(Bars {
                    name,
                    values: vec![value],
                }),
            }
        }
    }
    all
}

fn legend(servers: &BTreeSet<usize>, kept: &Kept<'_>) -> String {
    let mut text = String::new();
    for (place, at) in servers.iter().enumerate() {
        let x = LEFT + 150.0 * place as f64;
        let title = kept.servers().nth(*at).map(tables::title);
        text += &format!(
            "<rect x=\"{x:.0}\" y=\"36\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{}\"/>\n\
             <text x=\"{:.0}\" y=\"46\">{}</text>\n",
            COLOURS[at % COLOURS.len()],
            x + 18.0,
            escaped(&title.unwrap_or_default()),
        );
    }
    text
}

fn framed(title: &str, legend: &str, body: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\" role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\" \
         font-size=\"12\" fill=\"{TEXT}\">\n<title>{title}</title>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"600\">{title}</text>\n{legend}{body}</svg>\n",
        title = escaped(title),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// The files and their texts.
pub(super) fn all(kept: &[Value]) -> Vec<(String, String)> {
    let kept = Kept::new(kept);
    let made = PICTURES.iter().filter_map(|picture| {
        Some((
            format!("{FOLDER}/{}.svg", picture.name),
            svg(picture, &kept)?,
        ))
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::{PICTURES, all};
    use serde_json::json;

    #[test]
    fn bars_are_as_long_as_their_medians() {
        let row = |name: &str, waits: [f64; 3]| {
            let rounds = waits.map(|wait| json!({ "p99_us": wait }));
            json!({ "row": name, "rounds": rounds })
        };
        let document = json!({
            "group": "promise",
            "server": { "name": "redis", "version": "7.0.15" },
            "rows": [row("a & b", [90.0, 100.0, 900.0]), row("list 10: c", [5.0, 5.0, 5.0]), row("d", [50.0, 50.0, 1.0])],
        });
        let made = all(&[document]);
        assert_eq!(made.len(), 1, "others have nothing to show: {made:?}");
        let (file, text) = &made[0];
        assert_eq!(file, "docs/pictures/delete-waits.svg");
        let wide = |width: &str| text.contains(&format!("width=\"{width}\" height=\"14\""));
        assert!(wide("638.0") && wide("319.0"), "{text}");
        assert!(
            text.contains("a &amp; b") && text.contains("100 us"),
            "{text}"
        );
        assert!(!text.contains("list 10") && text.contains("Redis 7.0.15"));
    }

    #[test]
    fn each_picture_stands_in_a_section() {
        for picture in &PICTURES {
            let mut sections = super::super::SECTIONS.iter();
            let found = sections.any(|section| section.title == picture.section);
            assert!(found, "{} has no section", picture.name);
        }
    }
}
