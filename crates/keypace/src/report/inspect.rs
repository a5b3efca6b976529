//! What an inspection says, as JSON: commands, slow logs, clients, settings, findings. Holds data; judges nothing.
//! No field holds a value, a password or an argument: key names stand as patterns.

use serde::Serialize;

/// What is hurting a server, and what would mend it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct InspectReport {
    /// Every primary was asked. What a server would not tell is in its node's `not_seen`.
    pub complete: bool,
    /// How long the server was watched, where figures are of that time alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched_ms: Option<u64>,
    /// Since when calls and times are counted; the shortest time of all nodes.
    pub since: Since,
    /// What to look at, the most severe first.
    pub findings: Vec<InspectFinding>,
    /// Commands over all nodes, the most time first, and those that can hurt whatever they took.
    pub commands: Vec<CommandFigures>,
    /// What the servers logged as slow or large, by the shape of the command, the most costly first.
    pub slow: Vec<SlowShape>,
    /// Who is connected, the most connections first.
    pub clients: Vec<ClientGroup>,
    /// Of which pattern the keys without a TTL are, from a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<KeySample>,
    /// Rules that forbid what nobody calls. Suggestions: nothing was changed.
    pub acl: Vec<AclAdvice>,
    /// One entry a node.
    pub nodes: Vec<InspectNode>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Other clients wait for it, or data may be lost.
    High,
    /// Hurts as the keyspace grows.
    Medium,
    /// Worth knowing.
    #[default]
    Low,
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct InspectFinding {
    /// What kind of finding it is: stable, and described in `docs/inspect.md`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub text: String,
    /// How to mend it.
    pub fix: String,
    /// The nodes that it is about.
    pub nodes: Vec<String>,
    /// Whoever was seen at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
    /// Patterns of the keys that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Lines of source that send it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceLine>,
}

/// From when on calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Since {
    /// What the counting began with.
    pub kind: SinceKind,
    /// How long ago; absent where the server doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// What a counting begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SinceKind {
    /// The start of the server; before 7.0 a CONFIG RESETSTAT later on can't be told.
    #[default]
    Start,
    /// A CONFIG RESETSTAT at a time that the server doesn't tell.
    Resetstat,
    /// The first of two looks.
    Watch,
}

/// One command's figures, over all nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct CommandFigures {
    /// Its name as servers count it, `config|get` for one of a container.
    pub command: String,
    /// How often it ran, within scripts too.
    pub calls: u64,
    /// How long it kept the servers busy.
    pub usec: u64,
    /// The same for one call.
    pub usec_per_call: f64,
    /// Its part of the time of all commands, 0 to 1. Scripts count once more for what they call.
    pub share: f64,
    /// Its part of the time that passed, 0 to 1; absent where that isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<f64>,
    /// Half of the calls took no longer, on the slowest node (from 7.0 on, and not of a watched time).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<u64>,
    /// The same for 99 of 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<u64>,
    /// Calls that were refused before they ran.
    pub rejected: u64,
    /// Calls that failed.
    pub failed: u64,
}

/// Which log an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogKind {
    /// SLOWLOG: took long.
    #[default]
    Slow,
    /// COMMANDLOG large-request: had many bytes of arguments.
    LargeRequest,
    /// COMMANDLOG large-reply: had many bytes of answer.
    LargeReply,
}

/// Logged commands of one shape. Arguments are left out, and key names generalised.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct SlowShape {
    /// The log.
    pub log: LogKind,
    /// The command's name in capitals, with its second word where that is a part of the name.
    pub command: String,
    /// The pattern of its first key, or the pattern that it was given; digits and hex runs are `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What else tells it from others: a COUNT, the whole of a list, what a script calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many entries.
    pub times: u64,
    /// The largest: microseconds of `slow`, bytes of the other logs.
    pub max: u64,
    /// All of them together.
    pub total: u64,
    /// The most keys that one of them named, where that is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_keys: Option<u64>,
    /// When the last one ran, in Unix seconds of the server's clock.
    pub last_at: u64,
    /// Seconds between that and the look.
    pub last_ago_s: u64,
    /// Who sent them, the most frequent first.
    pub callers: Vec<Caller>,
    /// The nodes that logged it.
    pub nodes: Vec<String>,
    /// Lines of source that send it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceLine>,
}

/// Somebody who sends commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Caller {
    /// What it calls itself (CLIENT SETNAME).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its client library and version, where it told and is still connected.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub library: String,
    /// The host that it connects from.
    pub host: String,
    /// How often it was seen.
    pub times: u64,
}

/// A line of source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SourceLine {
    /// The command that it sends, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The pattern of keys in it, placeholders as `*`.
    pub pattern: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

/// Connections that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ClientGroup {
    /// What they call themselves.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Their client library and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub library: String,
    /// The ACL user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The host that they connect from.
    pub host: String,
    /// How many.
    pub connections: u64,
    /// The last command of each, the most frequent first.
    pub commands: Vec<String>,
    /// Seconds since the last command of the one that is idle for longest.
    pub idle_s: u64,
    /// Bytes of answers that wait for them to be read.
    pub output_bytes: u64,
}

/// Keys that were looked at by chance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct KeySample {
    /// How many.
    pub looked: u64,
    /// Those that never expire.
    pub no_ttl: u64,
    /// By pattern, those with the most keys that never expire first.
    pub patterns: Vec<SampledPattern>,
}

/// One pattern of a [`KeySample`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct SampledPattern {
    /// The pattern; digits and hex runs are `*`.
    pub pattern: String,
    /// Keys of it.
    pub looked: u64,
    /// Those that never expire.
    pub no_ttl: u64,
}

/// A rule that forbids what nobody calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct AclAdvice {
    /// The user, `app` where nobody but the default user is connected.
    pub user: String,
    /// The command to run.
    pub rule: String,
    /// What it forbids.
    pub commands: Vec<String>,
}

/// One node's part of an [`InspectReport`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct InspectNode {
    /// Its address.
    pub node: String,
    /// `primary` or `replica`.
    pub role: String,
    /// `Redis` or `Valkey`.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// Seconds since it was started.
    pub uptime_s: u64,
    /// Since when it counts.
    pub since: Since,
    /// It was started anew while it was watched, or its counts began anew: figures are since then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub began_anew: bool,
    /// The part of the time that commands kept it busy, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<f64>,
    /// Keys of all its databases.
    pub keys: u64,
    /// Those that never expire.
    pub no_ttl: u64,
    /// What it holds in memory.
    pub memory_bytes: u64,
    /// Its ceiling; 0 for none.
    pub max_memory_bytes: u64,
    /// Connections.
    pub connections: u64,
    /// Slots of a cluster's primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u64>,
    /// LATENCY LATEST.
    pub latency: Vec<LatencyEvent>,
    /// The settings that matter, in the order of the table of `docs/inspect.md`.
    #[serde(serialize_with = "in_order")]
    pub settings: Vec<(String, String)>,
    /// What it can do, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "by_name")]
    pub capabilities: Vec<Capability>,
    /// What it would not tell.
    pub not_seen: Vec<NotSeen>,
}

/// What LATENCY LATEST says of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct LatencyEvent {
    /// The event's name.
    pub event: String,
    /// When it was last seen, in Unix seconds of the server's clock.
    pub last_at: u64,
    /// What that took.
    pub last_ms: u64,
    /// The longest of all.
    pub max_ms: u64,
}

/// Something that a server may be able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capability {
    /// Its name.
    pub name: &'static str,
    /// Whether it can be used.
    pub state: CapabilityState,
}

/// Whether something can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CapabilityState {
    /// It can.
    Yes,
    /// The server doesn't have it.
    No,
    /// The ACL user may not.
    Forbidden,
    /// The server's answer says neither.
    Unclear,
}

impl CapabilityState {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Forbidden => "forbidden",
            Self::Unclear => "unclear",
        }
    }
}

/// Something that a server would not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct NotSeen {
    /// The command, or the part of it.
    pub what: String,
    /// Why, and what would help.
    pub why: String,
}

fn in_order<S: serde::Serializer>(
    pairs: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

fn by_name<S: serde::Serializer>(
    abilities: &[Capability],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        abilities
            .iter()
            .map(|ability| (ability.name, ability.state)),
    )
}
