//! The files of docs/operations.md are true: their command lines start a service and end it in time, their configs are
//! read, their probes are answered, and systemd takes the unit. Builds no image and asks no Kubernetes.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "live_serve/service.rs"]
mod service;

use std::fs;
use std::process::Command;

use common::Home;
use service::{Service, status};
use yaml_rust2::{Yaml, YamlLoader};

const UNIT: &str = include_str!("../../../docs/examples/keypace.service");
const CONTAINER: &str = include_str!("../../../docs/examples/Containerfile");
const KUBERNETES: &str = include_str!("../../../docs/examples/kubernetes.yaml");
/// Of the workspace: what builds the image has to be no older.
const MANIFEST: &str = include_str!("../Cargo.toml");

/// What the files say where, and what a service of ours is given in its place.
const CONFIG: &str = "/etc/keypace/serve.toml";
const STATE: &str = "/var/lib/keypace";
const PROGRAM: &str = "/usr/bin/keypace";
/// A config of one server, which nobody asks.
const SERVER: &str = "[servers.prod]\nurl = \"redis://127.0.0.1:1\"\n";
/// How long the service takes to end at most, by docs/service.md.
const DRAIN_S: i64 = 20;

/// The only document of this kind.
fn object(kind: &str) -> Yaml {
    let all = YamlLoader::load_from_str(KUBERNETES).expect("YAML");
    let mut found = all
        .into_iter()
        .filter(|object| object["kind"].as_str() == Some(kind));
    let object = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "two of {kind}");
    object
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str().unwrap_or_else(|| panic!("no text: {yaml:?}"))
}

fn words(yaml: &Yaml) -> Vec<String> {
    let items = yaml.as_vec().expect("a list");
    items.iter().map(|item| text(item).to_owned()).collect()
}

/// A setting of the unit's.
fn setting(name: &str) -> &'static str {
    let mut lines = UNIT.lines().filter_map(|line| line.split_once('='));
    let found = lines.find(|(own, _)| *own == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

/// `["a", "b"]` behind a word of the Containerfile's.
fn instruction(name: &str) -> Vec<String> {
    let mut lines = CONTAINER.lines();
    let found = lines.find_map(|line| line.strip_prefix(name));
    serde_json::from_str(found.expect(name)).expect("a list")
}

/// A service, and the home that its files are in.
struct Started {
    service: Service,
    _home: Home,
}

/// Starts what `words` say, with our paths in place of theirs.
fn started(words: &[String], config: &str) -> Started {
    let home = Home::new();
    let (file, password) = (home.path("serve.toml"), home.path("password"));
    let state = home.path("data");
    fs::write(&password, "secret\n").expect("written");
    let ours = config
        .replace(STATE, &state.to_string_lossy())
        .replace("/etc/keypace/redis-password", &password.to_string_lossy());
    fs::write(&file, ours).expect("written");
    let given = words.iter().filter(|word| *word != "serve").map(|word| {
        word.replace(CONFIG, &file.to_string_lossy())
            .replace(STATE, &state.to_string_lossy())
    });
    let given: Vec<String> = given.collect();
    assert_eq!(given.len() + 1, words.len(), "it serves: {words:?}");
    // The test's way to start a service says `serve` itself, and a port of its own.
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let service = Service::start(&home, &given);
    assert!(state.join("jobs.db").exists(), "{given:?}");
    Started {
        service,
        _home: home,
    }
}

#[test]
fn the_unit_starts_a_service_and_leaves_it_the_time_to_end() {
    let words: Vec<String> = setting("ExecStart").split(' ').map(str::to_owned).collect();
    let (program, words) = words.split_first().expect("a program");
    assert_eq!(program, PROGRAM);
    let started = started(words, SERVER);
    let log = started.service.stop();
    assert!(log.contains("stopped"), "{log}");
    let seconds: i64 = setting("TimeoutStopSec").parse().expect("seconds");
    assert!(seconds > DRAIN_S, "{seconds}");
    assert_eq!(setting("KillSignal"), "SIGTERM");
    let state = format!("/var/lib/{}", setting("StateDirectory"));
    assert_eq!(state, STATE);
}

#[test]
fn systemd_takes_the_unit() {
    let home = Home::new();
    let unit = home.path("keypace.service");
    fs::write(&unit, UNIT.replace(PROGRAM, env!("CARGO_BIN_EXE_keypace"))).expect("written");
    let Ok(output) = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output()
    else {
        println!("not run: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    // It looks at the units of the machine too, and those are not ours.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("keypace"))
        .collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn the_container_runs_what_the_program_takes() {
    assert_eq!(instruction("ENTRYPOINT "), [PROGRAM]);
    let started = started(&instruction("CMD "), SERVER);
    started.service.stop();
    assert!(CONTAINER.contains(&format!(
        "COPY --from=build /src/target/release/keypace {PROGRAM}"
    )));
    let wanted = MANIFEST
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let wanted = wanted.expect("a version").trim_matches('"');
    assert!(
        CONTAINER.contains(&format!("library/rust:{wanted}-")),
        "{wanted}"
    );
}

#[test]
fn the_pod_starts_and_its_probes_are_answered() {
    let secret = object("Secret");
    let config = text(&secret["stringData"]["serve.toml"]).to_owned();
    let deployment = object("Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let started = started(&words(&container["args"]), &config);
    let service = &started.service;
    // It listens beyond the pod, which it does with a key alone.
    assert!(!service.keyless && config.contains("listen = \"0.0.0.0:8420\""));
    for probe in ["livenessProbe", "readinessProbe"] {
        let get = &container[probe]["httpGet"];
        assert_eq!(text(&get["port"]), text(&container["ports"][0]["name"]));
        let header = &get["httpHeaders"][0];
        assert_eq!(text(&header["name"]), "Host");
        let (path, host) = (text(&get["path"]), text(&header["value"]));
        assert_eq!(status(&service.ask("GET", path, host, &[])), 200, "{probe}");
        // Without the header the kubelet would name the pod.
        assert_eq!(status(&service.ask("GET", path, "10.1.2.3:8420", &[])), 403);
    }
    started.service.stop();
    let grace = pod["terminationGracePeriodSeconds"].as_i64();
    assert!(grace.is_some_and(|seconds| seconds > DRAIN_S), "{grace:?}");
}

#[test]
fn the_pods_parts_fit_each_other() {
    let deployment = object("Deployment");
    let spec = &deployment["spec"];
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let label = &spec["template"]["metadata"]["labels"]["app"];
    assert_eq!(&spec["selector"]["matchLabels"]["app"], label);
    let service = object("Service");
    assert_eq!(&service["spec"]["selector"]["app"], label);
    let port = &service["spec"]["ports"][0];
    assert_eq!(port["targetPort"], container["ports"][0]["name"]);
    assert_eq!(container["ports"][0]["containerPort"].as_i64(), Some(8420));
    // One file, one process.
    assert_eq!(spec["replicas"].as_i64(), Some(1));
    assert_eq!(text(&spec["strategy"]["type"]), "Recreate");
    let named: Vec<&str> = words_of(&pod["volumes"], "name");
    let mounted: Vec<&str> = words_of(&container["volumeMounts"], "name");
    assert_eq!(named, mounted);
    let places: Vec<&str> = words_of(&container["volumeMounts"], "mountPath");
    assert_eq!(places, ["/etc/keypace", STATE]);
    let claim = object("PersistentVolumeClaim");
    let claimed = &pod["volumes"][1]["persistentVolumeClaim"]["claimName"];
    assert_eq!(claimed, &claim["metadata"]["name"]);
    let user = pod["securityContext"]["runAsUser"].as_i64();
    assert_eq!(pod["securityContext"]["fsGroup"].as_i64(), user);
    assert!(CONTAINER.contains(&format!("USER {}", user.expect("a user"))));
}

fn words_of<'a>(list: &'a Yaml, field: &str) -> Vec<&'a str> {
    let items = list.as_vec().expect("a list");
    items.iter().map(|item| text(&item[field])).collect()
}
