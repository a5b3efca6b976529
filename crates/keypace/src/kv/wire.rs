//! Requests: reads that are asked again as the node's backoff says, writes that are sent once, scripts by their digest.
//! It knows no key names, and what a reply says is its caller's business.

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Class, Connection, Node, Reply, ServerCode};

/// A script, which handles one bounded batch at most.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: &'static str,
    /// The SHA-1 of the text, by which EVALSHA names it.
    digest: &'static str,
}

/// Sets a key and its member.
pub(super) const SET: Script = Script {
    text: include_str!("set.lua"),
    digest: "ce60b419b25fc36cff5f681423a6cff37a94373d",
};
/// Removes a batch of keys and their members.
pub(super) const REMOVE: Script = Script {
    text: include_str!("remove.lua"),
    digest: "f85826569b1596a704ab73c90d368d9b82a17924",
};
/// Drops expired members, and says where the others begin.
pub(super) const PRUNE: Script = Script {
    text: include_str!("prune.lua"),
    digest: "92e1e021077e38e70a99e53e987ede6e37aaaf1d",
};

/// One thing to ask for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request<'a> {
    /// A command's name, and all of its words.
    Command(&'static str, &'a [&'a [u8]]),
    /// A script, its keys, its arguments.
    Script(&'static Script, &'a [&'a [u8]], &'a [&'a [u8]]),
}

impl Request<'_> {
    /// The command's name, for error texts.
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::Command(name, _) => name,
            Self::Script(..) => "EVALSHA",
        }
    }
}

/// Asks, and asks again as the node's backoff says. For what changes nothing, or nothing more the second time.
/// Cancel-safe.
pub(super) async fn read(node: &Node, request: Request<'_>) -> Result<Reply> {
    let mut backoff = node.backoff();
    loop {
        match once(node, Class::Read, request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

/// Sends a write, once: where no reply comes, the error's advice is to ask before doing it again. Not cancel-safe.
pub(super) async fn write(node: &Node, request: Request<'_>) -> Result<Reply> {
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
pub(super) async fn send(
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
    let number = keys.len().to_string();
    let mut words: Vec<&[u8]> = vec![b"EVALSHA", script.digest.as_bytes(), number.as_bytes()];
    words.extend(keys.iter().chain(args));
    connection.queue("EVALSHA", class, words.iter());
    connection.flush().await?;
    match connection.reply().await? {
        Reply::Error(text) if ServerCode::of(&text) == ServerCode::NoScript => {}
        reply => return Ok(reply),
    }
    // NOSCRIPT says that nothing has run, so this is no second try.
    words[0] = b"EVAL";
    words[1] = script.text.as_bytes();
    connection.queue("EVAL", class, words.iter());
    connection.flush().await?;
    connection.reply().await
}

/// A reply of another shape than the request's.
pub(super) fn unexpected(node: &Node, command: &'static str) -> Error {
    let context = format!("the reply is none that {command} gives");
    Error::new(
        ErrorKind::Protocol,
        Retry::Never,
        format!("run {command}"),
        context,
    )
    .on_node(node.name())
    .with_hint("is a proxy in between, or another service behind this address?")
}

#[cfg(test)]
mod tests {
    use super::{PRUNE, REMOVE, SET};
    use keypace_testkit::Sim;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// With another digest every call would cost a second round trip and the whole text.
    #[tokio::test]
    async fn digests_are_those_of_the_texts() {
        let sim = Sim::new();
        for script in [SET, REMOVE, PRUNE] {
            let mut connection = sim.connect();
            let (text, length) = (script.text, script.text.len());
            let load = format!("*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n${length}\r\n{text}\r\n");
            connection.write_all(load.as_bytes()).await.expect("sent");
            let mut reply = vec![0; b"$40\r\n".len() + 40 + 2];
            connection.read_exact(&mut reply).await.expect("a reply");
            let told = String::from_utf8_lossy(&reply);
            assert_eq!(told.trim_end().rsplit("\r\n").next(), Some(script.digest));
        }
    }
}
