//! Tests of what settings mean, without a process or a server around them.

use std::path::PathBuf;
use std::time::Duration;

use keypace::{Count, CountChoice, Lanes, Strategy};

use super::{Settings, Surroundings};
use crate::args::Global;
use crate::exit::{Exit, Halt};

fn resolve(typed: &Global) -> Result<Settings, Halt> {
    Settings::resolve(typed, &Surroundings::nothing())
}

fn resolved(typed: &Global) -> Settings {
    resolve(typed).unwrap_or_else(|halt| panic!("{halt:?}"))
}

fn refused(typed: &Global) -> Halt {
    resolve(typed).err().expect("refused")
}

#[test]
fn defaults_are_the_contracts() {
    let settings = resolved(&Global::default());
    assert_eq!(
        settings.budget.as_duration(),
        Some(Duration::from_millis(1))
    );
    assert!(matches!(settings.count, CountChoice::Auto));
    assert!(matches!(settings.strategy, Strategy::Scan));
    assert_eq!(settings.rate, None);
    assert!(settings.warnings.is_empty());
}

#[test]
fn a_bare_number_is_no_duration() {
    for (typed, name) in [
        (
            Global {
                budget: Some("5".to_owned()),
                ..Global::default()
            },
            "--budget",
        ),
        (
            Global {
                timeout: Some("5".to_owned()),
                ..Global::default()
            },
            "--timeout",
        ),
        (
            Global {
                deadline: Some("5".to_owned()),
                ..Global::default()
            },
            "--deadline",
        ),
    ] {
        let halt = refused(&typed);
        assert_eq!(halt.exit, Exit::Usage);
        assert!(
            halt.text.contains(name) && halt.text.contains("250ms"),
            "{}",
            halt.text
        );
    }
}

#[test]
fn budget_off_is_full_speed() {
    let typed = Global {
        budget: Some("off".to_owned()),
        ..Global::default()
    };
    assert_eq!(resolved(&typed).budget.as_duration(), None);
}

#[test]
fn a_count_is_a_number_or_auto() {
    for (text, count) in [("0", 1), ("-3", 1), ("1", 1), ("10001", 10_001)] {
        let typed = Global {
            count: Some(text.to_owned()),
            ..Global::default()
        };
        assert_eq!(
            resolved(&typed).count,
            CountChoice::Fixed(Count::new(count)),
            "{text}"
        );
    }
    let typed = Global {
        count: Some("many".to_owned()),
        ..Global::default()
    };
    assert_eq!(refused(&typed).exit, Exit::Usage);
}

#[test]
fn lanes_are_a_number_or_auto() {
    let typed = |text: &str| Global {
        lanes: Some(text.to_owned()),
        ..Global::default()
    };
    assert_eq!(resolved(&Global::default()).lanes, Lanes::Auto);
    assert_eq!(resolved(&typed("auto")).lanes, Lanes::Auto);
    assert_eq!(resolved(&typed("16")).lanes, Lanes::Fixed(16));
    for wrong in ["0", "65", "-1", "many", ""] {
        let halt = refused(&typed(wrong));
        assert_eq!(halt.exit, Exit::Usage, "{wrong}");
        assert!(halt.text.contains("--lanes"), "{}", halt.text);
    }
}

#[test]
fn a_password_on_the_command_line_is_warned_about_without_being_shown() {
    let typed = Global {
        url: vec!["redis://:hunter2@127.0.0.1".to_owned()],
        ..Global::default()
    };
    let settings = resolved(&typed);
    assert_eq!(settings.warnings.len(), 1);
    assert!(!settings.warnings[0].contains("hunter2"));
    assert!(!format!("{:?}", settings.target).contains("hunter2"));

    let around = Surroundings {
        url: Some("redis://:hunter2@127.0.0.1".to_owned()),
        ..Surroundings::nothing()
    };
    let settings =
        Settings::resolve(&Global::default(), &around).unwrap_or_else(|halt| panic!("{halt:?}"));
    assert!(
        settings.warnings.is_empty(),
        "the environment is the place for it"
    );
}

#[test]
fn a_missing_or_empty_password_file_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("folder");
    let typed = |path: PathBuf| Global {
        password_file: Some(path),
        ..Global::default()
    };
    assert_eq!(
        refused(&typed(folder.path().join("none"))).exit,
        Exit::Usage
    );
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").expect("write");
    assert_eq!(refused(&typed(empty)).exit, Exit::Usage);
    let good = folder.path().join("good");
    std::fs::write(&good, "pass word\r\nmore\n").expect("write");
    assert!(resolve(&typed(good)).is_ok());
}

#[test]
fn keys_need_a_flag_and_i_know_needs_keys() {
    let typed = Global {
        use_keys: true,
        ..Global::default()
    };
    assert!(matches!(resolved(&typed).strategy, Strategy::Keys));
    let typed = Global {
        use_keys: true,
        i_know: true,
        ..Global::default()
    };
    assert!(matches!(resolved(&typed).strategy, Strategy::KeysAnySize));
    let typed = Global {
        i_know: true,
        ..Global::default()
    };
    assert!(matches!(resolved(&typed).strategy, Strategy::Scan));
}

#[test]
fn bounds_are_checked() {
    let typed = Global {
        timeout: Some("0s".to_owned()),
        ..Global::default()
    };
    assert_eq!(refused(&typed).exit, Exit::Usage);
    let typed = Global {
        timeout: Some("2d".to_owned()),
        ..Global::default()
    };
    assert_eq!(refused(&typed).exit, Exit::Usage);
    let typed = Global {
        retries: Some(1000),
        ..Global::default()
    };
    assert_eq!(refused(&typed).exit, Exit::Usage);
    let typed = Global {
        url: vec!["http://x".to_owned()],
        ..Global::default()
    };
    assert_eq!(refused(&typed).exit, Exit::Usage);
}

/// The thresholds of a settings file that holds the table `[pressure]` with this line in it.
fn pressed(line: &str) -> Result<keypace::Thresholds, Halt> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, format!("[pressure]\n{line}\n")).expect("written");
    let typed = Global {
        config: Some(file),
        ..Global::default()
    };
    resolve(&typed).map(|settings| settings.thresholds)
}

#[test]
fn thresholds_come_from_the_file_with_their_units() {
    let read = pressed("replica_lag = \"4MiB\"\nlazyfree_pending = 7");
    let wanted = keypace::Thresholds::default()
        .with_replica_lag_bytes(4 << 20)
        .with_lazyfree_pending(7);
    assert_eq!(read.ok(), Some(wanted));
    for wrong in ["replica_lag = \"4\"", "replica_lagg = \"4MiB\""] {
        let halt = pressed(wrong).expect_err("refused");
        assert_eq!(halt.exit, Exit::Usage, "{wrong} {halt:?}");
    }
}

#[test]
fn thresholds_outside_their_ranges_are_refused_by_name() {
    for (line, name, range) in [
        ("memory_percent = 0", "memory_percent", "1 to 100"),
        ("memory_percent = 101", "memory_percent", "1 to 100"),
        ("memory_percent = 900", "memory_percent", "1 to 100"),
        (
            "stale_percent_growth = 0",
            "stale_percent_growth",
            "1 to 100",
        ),
        (
            "stale_percent_growth = 101",
            "stale_percent_growth",
            "1 to 100",
        ),
        ("lazyfree_pending = 0", "lazyfree_pending", "less than 1"),
        ("replica_lag = \"0B\"", "replica_lag", "64KiB"),
        ("replica_lag = \"65535B\"", "replica_lag", "64KiB"),
        ("replica_buffers = \"63KiB\"", "replica_buffers", "64KiB"),
    ] {
        let halt = pressed(line).expect_err(line);
        assert_eq!(halt.exit, Exit::Usage, "{line}");
        let says = |text: &str| halt.text.contains(text);
        assert!(says(&format!("pressure.{name} in ")), "{}", halt.text);
        assert!(says(range) && says("config.toml"), "{}", halt.text);
    }
    for line in [
        "memory_percent = 1",
        "memory_percent = 100",
        "stale_percent_growth = 1",
        "stale_percent_growth = 100",
        "lazyfree_pending = 1",
        "replica_lag = \"64KiB\"",
        "replica_buffers = \"64KiB\"",
    ] {
        assert!(pressed(line).is_ok(), "{line}");
    }
}
