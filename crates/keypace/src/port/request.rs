//! Requests: commands and scripts by their digest; reads that are asked again as the node's backoff says, writes that are
//! sent once. It knows no key names, and what a reply says is its caller's business.

use std::time::Duration;

use bytes::Bytes;

use super::connection::{Class, Connection};
use super::node::Node;
use super::resp::Reply;
use super::server_error::ServerCode;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::limits;
use crate::pace::QueryKind;

/// A script, which handles one bounded batch at most.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    /// The SHA-1 of the text, by which EVALSHA names it.
    pub(crate) digest: &'static str,
}

/// One thing to ask one node for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request<'a> {
    /// A command's name, and all of its words.
    Command(&'static str, &'a [&'a [u8]]),
    /// A script, its keys, its arguments.
    Script(&'static Script, &'a [&'a [u8]], &'a [&'a [u8]]),
}

impl Request<'_> {
    /// The command's name, for error texts.
    pub(crate) fn command(&self) -> &'static str {
        match self {
            Self::Command(name, _) => name,
            Self::Script(..) => "EVALSHA",
        }
    }
}

/// The same, owned, for whoever has a slot: a [`Router`](super::router::Router) finds its node.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// That of all its keys.
    pub(crate) slot: Slot,
    pub(crate) class: Class,
    /// What its turn is asked for as, under a pace.
    pub(crate) kind: Option<QueryKind>,
    /// What it counts as there, in the kind's own unit.
    pub(crate) units: u32,
    pub(crate) what: What,
}

/// What a [`Call`] asks for.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A command's name, and all of its words.
    Command(&'static str, Vec<Bytes>),
    /// A script, its keys, its arguments.
    Script(&'static Script, Vec<Bytes>, Vec<Bytes>),
}

impl Call {
    /// A command; `words` begin with its name.
    pub(crate) fn command(slot: Slot, name: &'static str, class: Class, words: Vec<Bytes>) -> Self {
        Self::new(slot, class, What::Command(name, words))
    }

    /// A script whose keys are all of the slot.
    pub(crate) fn script(
        slot: Slot,
        script: &'static Script,
        class: Class,
        keys: Vec<Bytes>,
        args: Vec<Bytes>,
    ) -> Self {
        Self::new(slot, class, What::Script(script, keys, args))
    }

    fn new(slot: Slot, class: Class, what: What) -> Self {
        Self {
            slot,
            class,
            kind: None,
            units: 1,
            what,
        }
    }

    /// What it costs, for the pace of its node.
    pub(crate) fn with_pace(mut self, kind: QueryKind, units: u32) -> Self {
        (self.kind, self.units) = (Some(kind), units);
        self
    }

    /// The command's name, for error texts.
    pub(crate) fn name(&self) -> &'static str {
        match &self.what {
            What::Command(name, _) => name,
            What::Script(..) => "EVALSHA",
        }
    }

    /// What it weighs on the wire, about.
    pub(super) fn bytes(&self) -> usize {
        match &self.what {
            What::Command(_, words) => words.iter().map(Bytes::len).sum(),
            What::Script(_, keys, args) => keys.iter().chain(args).map(Bytes::len).sum(),
        }
    }

    /// Queues it, a script by its digest or with its text.
    pub(super) fn queue(&self, connection: &mut Connection, with_text: bool) {
        match &self.what {
            What::Command(name, words) => connection.queue(name, self.class, words.iter()),
            What::Script(script, keys, args) => {
                queue_script(connection, self.class, script, keys, args, with_text);
            }
        }
    }
}

fn queue_script<K: AsRef<[u8]>, A: AsRef<[u8]>>(
    connection: &mut Connection,
    class: Class,
    script: &Script,
    keys: &[K],
    args: &[A],
    with_text: bool,
) {
    let number = keys.len().to_string();
    let (command, named_by) = if with_text {
        ("EVAL", script.text)
    } else {
        ("EVALSHA", script.digest)
    };
    let mut words: Vec<&[u8]> = Vec::with_capacity(3 + keys.len() + args.len());
    words.extend([command.as_bytes(), named_by.as_bytes(), number.as_bytes()]);
    words.extend(keys.iter().map(AsRef::as_ref));
    words.extend(args.iter().map(AsRef::as_ref));
    connection.queue(command, class, words.iter());
}

/// Asks, and asks again as the node's backoff says. For what changes nothing, or nothing more the second time.
/// Cancel-safe.
pub(crate) async fn read(node: &Node, request: Request<'_>) -> Result<Reply> {
    let mut backoff = node.backoff();
    loop {
        match once(node, Class::Read, request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

/// Sends a write, once: where no reply comes, the error's advice is to ask before doing it again. Not cancel-safe.
pub(crate) async fn write(node: &Node, request: Request<'_>) -> Result<Reply> {
    once(node, Class::Write, request).await
}

async fn once(node: &Node, class: Class, request: Request<'_>) -> Result<Reply> {
    let mut lease = node.lease().await?;
    match send(&mut lease, class, request).await {
        Ok(Reply::Error(text)) => Err(lease.refused(request.command(), &text)),
        Ok(reply) => Ok(reply),
        Err(error) => {
            node.forget_idle();
            Err(error)
        }
    }
}

/// One round trip, or two where the server doesn't know the script; an error reply is `Ok(Reply::Error)`.
pub(crate) async fn send(
    connection: &mut Connection,
    class: Class,
    request: Request<'_>,
) -> Result<Reply> {
    let (script, keys, args) = match request {
        Request::Command(name, words) => {
            connection.queue(name, class, words.iter());
            connection.flush().await?;
            return connection.reply().await;
        }
        Request::Script(script, keys, args) => (script, keys, args),
    };
    queue_script(connection, class, script, keys, args, false);
    connection.flush().await?;
    match connection.reply().await? {
        Reply::Error(text) if ServerCode::of(&text) == ServerCode::NoScript => {}
        reply => return Ok(reply),
    }
    // NOSCRIPT says that nothing has run, so this is no second try.
    queue_script(connection, class, script, keys, args, true);
    connection.flush().await?;
    connection.reply().await
}

/// A TTL in whole milliseconds, rounded up: one that is not zero must not become none.
///
/// # Errors
/// `InvalidOption` for zero, and above `limits::MAX_TTL`.
pub(crate) fn ttl_ms(ttl: Duration) -> Result<u128> {
    if ttl.is_zero() || ttl > limits::MAX_TTL {
        let context = format!("{ttl:?} is outside 1ms to {:?}", limits::MAX_TTL);
        return Err(invalid("set the TTL", context).with_hint(
            "leave it out for a key that stays; delete a key that should not be there",
        ));
    }
    Ok(ttl.as_nanos().div_ceil(Duration::from_millis(1).as_nanos()))
}

/// Whether a server takes a value of this length.
///
/// # Errors
/// `InvalidOption` above `limits::MAX_RESP_STRING_BYTES`.
pub(crate) fn check_value(value: &[u8]) -> Result<()> {
    if value.len() > limits::MAX_RESP_STRING_BYTES {
        let context = format!("{} bytes are more than a server takes", value.len());
        return Err(invalid("set the value", context));
    }
    Ok(())
}

fn invalid(operation: &'static str, context: String) -> Error {
    Error::new(ErrorKind::InvalidOption, Retry::Never, operation, context)
}

/// A reply of another shape than the request's.
pub(crate) fn unexpected(node: &str, command: &'static str) -> Error {
    let context = format!("the reply is none that {command} gives");
    Error::new(
        ErrorKind::Protocol,
        Retry::Never,
        format!("run {command}"),
        context,
    )
    .on_node(node)
    .with_hint("is a proxy in between, or another service behind this address?")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use keypace_testkit::Sim;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    fn with_extension<'a>(found: &'a [PathBuf], wanted: &str) -> impl Iterator<Item = &'a PathBuf> {
        let wanted = wanted.to_owned();
        let fits = move |path: &&PathBuf| path.extension().is_some_and(|is| is == &*wanted);
        found.iter().filter(fits)
    }

    /// The first 40 hex digits in quotes.
    fn first_digest(code: &str) -> Option<&str> {
        let is_digest =
            |text: &&str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        code.split('"').find(is_digest)
    }

    async fn digest_of(text: &str) -> String {
        let mut connection = Sim::new().connect();
        let length = text.len();
        let load = format!("*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n${length}\r\n{text}\r\n");
        connection.write_all(load.as_bytes()).await.expect("sent");
        let mut reply = vec![0; b"$40\r\n".len() + 40 + 2];
        connection.read_exact(&mut reply).await.expect("a reply");
        let told = String::from_utf8(reply).expect("text");
        let digest = told.trim_end().rsplit("\r\n").next();
        digest.expect("a second line").to_owned()
    }

    /// With another digest every call would cost a second round trip and the whole text. Of each script in the crate:
    /// its digest is what stands next behind the `include_str!` of its text.
    #[tokio::test]
    async fn digests_are_those_of_the_texts() {
        let mut found = Vec::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        files(&sources, &mut found);
        let mut seen = 0;
        for script in with_extension(&found, "lua") {
            let digest = digest_of(&fs::read_to_string(script).expect("text")).await;
            let name = script.file_name().and_then(|name| name.to_str());
            let name = name.expect("a name");
            let folder = script.parent().expect("a folder");
            // In its folder, or in the one above where scripts have a folder of their own.
            let near = with_extension(&found, "rs").filter(|path| {
                let of = path.parent();
                of == Some(folder) || of == folder.parent()
            });
            let inside = folder.file_name().and_then(|name| name.to_str());
            let includes = [
                format!("include_str!(\"{name}\")"),
                format!("include_str!(\"{}/{name}\")", inside.unwrap_or_default()),
            ];
            let mut used = 0;
            for source in near {
                let code = fs::read_to_string(source).expect("code");
                for at in includes.iter().filter_map(|include| code.find(include)) {
                    let written = first_digest(&code[at..]);
                    assert_eq!(written, Some(&*digest), "{name} in {}", source.display());
                    used += 1;
                }
            }
            assert_eq!(used, 1, "{name} is included once");
            seen += 1;
        }
        assert!(seen >= 4, "{seen} scripts were found");
    }
}
