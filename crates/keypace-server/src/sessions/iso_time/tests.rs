//! Times as Python reads them: against cases that Python has answered, kept in a file, and against the Python of this
//! machine where it is one of the versions whose grammar is followed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::parse_iso_time;

/// One case a line: the text as JSON, a tab, and microseconds since 1970 or `-` where Python refuses it.
const GOLDEN: &str = include_str!("golden.tsv");
/// Set, the file is written anew from what this machine's Python says.
const WRITE_GOLDEN: &str = "KEYPACE_WRITE_GOLDEN";
/// Cases out of the file, and cases that only a Python at hand is asked about.
const GOLDEN_CASES: usize = 1_500;
const LIVE_CASES: usize = 30_000;

/// Answers each line of JSON with microseconds since 1970, or `-`.
const PYTHON: &str = r#"
import datetime, json, sys
if sys.version_info[:2] not in ((3, 11), (3, 12)):
    sys.exit(3)
epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
first = (datetime.datetime.min.replace(tzinfo=datetime.timezone.utc) - epoch) // datetime.timedelta(microseconds=1)
last = (datetime.datetime.max.replace(tzinfo=datetime.timezone.utc) - epoch) // datetime.timedelta(microseconds=1)
for line in sys.stdin:
    try:
        time = datetime.datetime.fromisoformat(json.loads(line))
    except ValueError:
        print('-')
        continue
    ahead = time.utcoffset() or datetime.timedelta()
    naive = (time.replace(tzinfo=datetime.timezone.utc) - epoch) // datetime.timedelta(microseconds=1)
    utc = naive - ahead // datetime.timedelta(microseconds=1)
    print(utc if first <= utc <= last else '-')
"#;

#[test]
fn known_times_are_read() {
    for (text, expected) in [
        ("2024-05-01", "2024-05-01T00:00:00Z"),
        ("2024-05-01T10:20", "2024-05-01T10:20:00Z"),
        ("2024-05-01 10:20:30", "2024-05-01T10:20:30Z"),
        ("2024-05-01x10:20:30.5", "2024-05-01T10:20:30.500Z"),
        (
            "2024-05-01\u{2009}10:20:30,1234567",
            "2024-05-01T10:20:30.123456Z",
        ),
        ("20240501T102030Z", "2024-05-01T10:20:30Z"),
        ("2024-W18-3T10:20:30+02:00", "2024-05-01T08:20:30Z"),
        ("2024W18", "2024-04-29T00:00:00Z"),
        ("2024-05-01T10:20:30-01:30:15", "2024-05-01T11:50:45Z"),
        (
            "2024-05-01T10:20:30+00:00:00.250000",
            "2024-05-01T10:20:30Z",
        ),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
    ] {
        let time = parse_iso_time(text).unwrap_or_else(|| panic!("{text:?}"));
        let expected = chrono::DateTime::parse_from_rfc3339(expected).expect("RFC 3339");
        assert_eq!(time, expected, "{text:?}");
    }
    for text in [
        "",
        "2024",
        "2024-05",
        "2024-5-1",
        "yesterday",
        "2024-02-30",
        "2024-05-01T24:00",
        "2024-05-01T10:60",
        "2024-05-01T10:20:30+24:00",
        "2024-05-01T10:20:30Zx",
        " 2024-05-01",
        "0001-01-01T00:00+01:00",
        "2024-W53-1",
        "0000-01-01",
        "1714557600",
        "2024-05-01T10:20:30+",
    ] {
        assert_eq!(parse_iso_time(text), None, "{text:?}");
    }
}

#[test]
fn times_are_what_python_once_said() {
    if std::env::var_os(WRITE_GOLDEN).is_some() {
        write_golden();
        return;
    }
    assert!(GOLDEN.lines().count() >= GOLDEN_CASES, "the file is whole");
    for line in GOLDEN.lines() {
        let (text, expected) = line.rsplit_once('\t').expect("two columns");
        let text: String = serde_json::from_str(text).expect("JSON");
        assert_eq!(answer(&text), expected, "{text:?}");
    }
}

#[test]
fn times_are_what_the_python_of_this_machine_says() {
    let seed = std::env::var("KEYPACE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| std::process::id().into());
    println!("KEYPACE_SEED={seed}");
    let cases = cases(seed, LIVE_CASES);
    let Some(expected) = python(&cases) else {
        println!(
            "not run: there is no Python 3.11 or 3.12 here; the kept cases are compared all the same"
        );
        return;
    };
    for (text, expected) in cases.iter().zip(expected) {
        assert_eq!(answer(text), expected, "{text:?}, KEYPACE_SEED={seed}");
    }
}

fn answer(text: &str) -> String {
    parse_iso_time(text).map_or("-".to_owned(), |time| time.timestamp_micros().to_string())
}

fn python(cases: &[String]) -> Option<Vec<String>> {
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let lines: String = cases
        .iter()
        .map(|text| serde_json::to_string(text).expect("JSON") + "\n")
        .collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    // Python answers while it is asked, and neither must wait for the other's pipe.
    let asking = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let asked = asking.join().expect("no panic");
    if output.status.code() == Some(3) {
        return None;
    }
    asked.expect("it reads all");
    assert!(
        output.status.success(),
        "python3 ended with {}",
        output.status
    );
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let answers: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

fn write_golden() {
    let cases = cases(1, GOLDEN_CASES);
    let answers = python(&cases).expect("a Python whose grammar is followed");
    let lines: String = cases
        .iter()
        .zip(answers)
        .map(|(text, answer)| format!("{}\t{answer}\n", serde_json::to_string(text).expect("JSON")))
        .collect();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/sessions/iso_time/golden.tsv"
    );
    std::fs::write(path, lines).expect("written");
}

/// Numbers that come out the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("small");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("small")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Texts of all forms that there are, and of forms that are nearly one.
fn cases(seed: u64, count: usize) -> Vec<String> {
    let mut random = Random(seed);
    let mut cases: Vec<String> = Vec::with_capacity(count);
    while cases.len() < count {
        let mut text = date(&mut random);
        if random.below(5) > 0 {
            text += random.pick(&[
                "T",
                "T",
                "T",
                " ",
                "t",
                "-",
                "1",
                "\u{e4}",
                "\u{2009}",
                "\u{1f552}",
                ":",
                "+",
                "Z",
            ]);
            text += &clock(&mut random);
            if random.below(2) == 0 {
                text += random.pick(&["+", "-", "+", "-", "Z", "z", " +"]);
                text += &if random.below(6) == 0 {
                    String::new()
                } else {
                    clock(&mut random)
                };
            }
            if random.below(3) == 0 {
                text += random.pick(&["Z", "", " ", "0", "x"]);
            }
        }
        if random.below(4) == 0 {
            text = damaged(&text, &mut random);
        }
        // A NUL ends the text for some of Python's checks and not for others; no text of a time has one.
        cases.push(text.replace('\0', ""));
    }
    cases
}

fn date(random: &mut Random) -> String {
    let year = match random.below(12) {
        0 => 1,
        1 => 9999,
        2 => random.below(10_000),
        _ => 1990 + random.below(60),
    };
    let hyphen = random.pick(&["-", "-", ""]);
    match random.below(4) {
        0 => {
            let day = match random.below(3) {
                0 => String::new(),
                _ => format!("{hyphen}{}", random.below(9)),
            };
            format!("{year:04}{hyphen}W{:02}{day}", random.below(55))
        }
        1 => format!("{year:04}{hyphen}{:02}", random.below(14)),
        _ => {
            let (month, day) = (random.below(14), random.below(33));
            format!("{year:04}{hyphen}{month:02}{hyphen}{day:02}")
        }
    }
}

fn clock(random: &mut Random) -> String {
    let colon = random.pick(&[":", ":", ""]);
    let mut text = format!("{:02}", random.below(25));
    for _ in 0..random.below(4) {
        text += colon;
        let bound = if random.below(9) == 0 { 62 } else { 60 };
        text += &format!("{:02}", random.below(bound));
    }
    if random.below(3) == 0 {
        text += random.pick(&[".", ".", ",", ""]);
        for _ in 0..random.below(11) {
            text += &random.below(10).to_string();
        }
    }
    text
}

/// With a character more, less, or another.
fn damaged(text: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = random.below(letters.len());
    let letter = random.pick(&["0", "9", "-", ":", "W", "T", ".", "+", "Z", " ", "\u{660}"]);
    let letter = letter.chars().next().expect("one");
    match random.below(3) {
        0 => letters[at] = letter,
        1 => letters.insert(at, letter),
        _ => {
            letters.remove(at);
        }
    }
    letters.into_iter().collect()
}
