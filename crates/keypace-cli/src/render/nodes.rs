//! A line for each node of a cluster, below the total's line or within a line of a log. Composes text; writes nothing.

use keypace::{NodeProgress, Progress};

use super::figures::{grouped, percent, plural, wait};

/// More lines push what was written before off the screen.
const MAX_LINES: usize = 12;
/// Lines of a terminal that stay for the total, for how many more there are, and for the cursor.
const OTHER_LINES: usize = 3;
/// A line of a log names so many nodes.
const MAX_NAMED: usize = 3;
/// The widest name: what is longer loses its middle, as its ends tell nodes apart.
const MAX_NAME_COLUMNS: usize = 40;
/// The narrowest name that tells nodes apart.
const MIN_NAME_COLUMNS: usize = 10;
/// Columns of the figures, so that they don't jump about: `9.9 %`, `10,000`, `9.99 ms`.
const SHARE_COLUMNS: usize = 5;
const COUNT_COLUMNS: usize = 6;
const WAIT_COLUMNS: usize = 7;
/// In front of each line, and between its parts.
const GAP: &str = "  ";
/// What stands in the place of what is left out.
const CUT: &str = "...";

/// What is shown of the nodes of a run; empty where there is one only, which the total says all of.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Nodes(Vec<Node>);

#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    share: f64,
    /// 0 while it waits for its turn.
    count: u32,
    /// Median and 99th percentile of what other clients wait there, in microseconds.
    waits: Option<(u64, u64)>,
}

impl Nodes {
    /// The nodes of a run.
    pub(super) fn of(progress: &Progress) -> Self {
        if progress.nodes.len() < 2 {
            return Self::default();
        }
        Self(progress.nodes.iter().map(Node::of).collect())
    }

    /// A line for each, of at most `columns`; `rows` are the terminal's. Of more nodes than there is room for, those
    /// that are done go first.
    pub(super) fn lines(&self, columns: usize, rows: usize) -> Vec<String> {
        let room = MAX_LINES.min(rows.saturating_sub(OTHER_LINES));
        if room == 0 {
            return Vec::new();
        }
        let mut shown: Vec<&Node> = self.0.iter().collect();
        if shown.len() > room {
            // Stable: what isn't done keeps its order, and lines don't jump about.
            shown.sort_by_key(|node| node.share >= 1.0);
            shown.truncate(room);
        }
        let widest = shown.iter().map(|node| node.name.chars().count()).max();
        // A very narrow terminal keeps the share and shortens the names.
        let most = columns.saturating_sub(2 * GAP.len() + SHARE_COLUMNS);
        let width = widest
            .unwrap_or(0)
            .min(most.clamp(MIN_NAME_COLUMNS, MAX_NAME_COLUMNS));
        let mut lines: Vec<String> = shown.iter().map(|node| node.line(width, columns)).collect();
        if shown.len() < self.0.len() {
            lines.push(format!("{GAP}and {} more", self.0.len() - shown.len()));
        }
        lines
    }

    /// The same for a line of a log: how many there are, and by name those with most to do.
    pub(super) fn brief(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut busy: Vec<&Node> = self.0.iter().filter(|node| node.share < 1.0).collect();
        busy.sort_by(|a, b| a.share.total_cmp(&b.share));
        let mut parts: Vec<String> = busy
            .iter()
            .take(MAX_NAMED)
            .map(|node| format!("{} {}", node.name, percent(node.share)))
            .collect();
        if busy.len() > MAX_NAMED {
            parts.push(format!("{} more", busy.len() - MAX_NAMED));
        }
        if (1..self.0.len()).contains(&busy.len()) {
            parts.push(format!("{} done", self.0.len() - busy.len()));
        }
        let number = plural(self.0.len() as u64, "node");
        Some(if parts.is_empty() {
            number
        } else {
            format!("{number} ({})", parts.join(", "))
        })
    }
}

impl Node {
    fn of(progress: &NodeProgress) -> Self {
        Self {
            name: progress.node.clone(),
            share: progress.share,
            count: progress.count,
            waits: progress.canary_p50_us.zip(progress.canary_p99_us),
        }
    }

    /// The parts, the most telling first: what there is no room for is left out from the end.
    fn line(&self, name_columns: usize, columns: usize) -> String {
        let name = shortened(&self.name, name_columns);
        let mut line = format!("{GAP}{name:name_columns$}");
        add(
            &mut line,
            &format!("{:>SHARE_COLUMNS$}", percent(self.share)),
            columns,
        );
        let count = match self.count {
            0 => String::new(),
            count => grouped(u64::from(count)),
        };
        let label = if self.count == 0 { "     " } else { "COUNT" };
        add(
            &mut line,
            &format!("{label} {count:>COUNT_COLUMNS$}"),
            columns,
        );
        for part in self.waits() {
            if add(&mut line, &part, columns) {
                break;
            }
        }
        line.trim_end().to_owned()
    }

    /// What other clients wait: in words, then shorter for a narrow terminal.
    fn waits(&self) -> Vec<String> {
        let Some((p50, p99)) = self.waits else {
            return Vec::new();
        };
        let (p50, p99) = (wait(p50), wait(p99));
        vec![
            format!("others wait {p50:>WAIT_COLUMNS$}, p99 {p99:>WAIT_COLUMNS$}"),
            format!("p99 {p99:>WAIT_COLUMNS$}"),
        ]
    }
}

/// Adds a part where there is room for it.
fn add(line: &mut String, part: &str, columns: usize) -> bool {
    let fits = line.chars().count() + GAP.len() + part.chars().count() <= columns;
    if fits {
        line.push_str(GAP);
        line.push_str(part);
    }
    fits
}

/// A name of at most `columns`, without its middle where it is longer.
fn shortened(name: &str, columns: usize) -> String {
    let long = name.chars().count();
    if long <= columns {
        return name.to_owned();
    }
    let kept = columns.saturating_sub(CUT.len());
    let tail = kept / 2;
    let head: String = name.chars().take(kept - tail).collect();
    let tail: String = name.chars().skip(long - tail).collect();
    format!("{head}{CUT}{tail}")
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINES, Node, Nodes, shortened};

    fn nodes(number: usize) -> Nodes {
        let node = |at: usize| Node {
            name: format!("127.0.0.1:{}", 7000 + at),
            share: 0.25,
            count: 640,
            waits: Some((210, 1_240)),
        };
        Nodes((0..number).map(node).collect())
    }

    #[test]
    fn a_line_says_what_there_is_room_for() {
        for (columns, line) in [
            (
                79,
                "  127.0.0.1:7000   25 %  COUNT    640  others wait  210 us, p99 1.24 ms",
            ),
            (45, "  127.0.0.1:7000   25 %  COUNT    640"),
            (50, "  127.0.0.1:7000   25 %  COUNT    640  p99 1.24 ms"),
            (25, "  127.0.0.1:7000   25 %"),
            (20, "  127....7000   25 %"),
        ] {
            assert_eq!(nodes(2).lines(columns, 24)[0], line);
        }
        for columns in 19..200 {
            for line in nodes(20).lines(columns, 24) {
                assert!(line.len() <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn the_height_is_bounded_and_those_that_are_done_go_first() {
        assert_eq!(nodes(3).lines(79, 24).len(), 3);
        let mut many = nodes(20);
        many.0[0].share = 1.0;
        let lines = many.lines(79, 24);
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert!(lines[0].contains(":7001"), "{lines:?}");
        assert_eq!(lines[MAX_LINES], "  and 8 more");
        assert_eq!(many.lines(79, 8).len(), 6);
        assert!(many.lines(79, 3).is_empty());
    }

    #[test]
    fn a_node_that_waits_has_a_name_and_a_share() {
        let mut waiting = nodes(2);
        waiting.0[1] = Node {
            share: 0.0,
            count: 0,
            waits: None,
            ..waiting.0[1].clone()
        };
        assert_eq!(waiting.lines(79, 24)[1], "  127.0.0.1:7001    0 %");
    }

    #[test]
    fn a_log_names_those_with_most_to_do() {
        assert_eq!(Nodes::default().brief(), None);
        let mut few = nodes(3);
        few.0[0].share = 1.0;
        few.0[2].share = 0.12;
        assert_eq!(
            few.brief().as_deref(),
            Some("3 nodes (127.0.0.1:7002 12 %, 127.0.0.1:7001 25 %, 1 done)")
        );
        for node in &mut few.0 {
            node.share = 1.0;
        }
        assert_eq!(few.brief().as_deref(), Some("3 nodes"));
        let text = nodes(20).brief().expect("text");
        assert!(text.ends_with("17 more)") && text.len() < 90, "{text}");
    }

    #[test]
    fn long_names_lose_their_middle() {
        let name = "shop-0001-002.abcdef.0001.use1.cache.example.com:6379";
        let short = shortened(name, 30);
        assert_eq!(short, "shop-0001-002....mple.com:6379");
        assert_eq!(shortened("a:1", 30), "a:1");
    }
}
