//! Owns scripts: texts that EVAL knows because a test gave a closure for them. It must not interpret Lua.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::command::dispatch::dispatch;
use super::data::State;
use super::plan::PageEdit;
use super::reply::Reply;
use super::session::Session;
use super::sha1;

/// What stands in for a script's body. It runs under the simulator's lock: it must use the call it is given and not the
/// `Sim` handle, which would wait for itself.
pub type ScriptFn = Arc<dyn Fn(&mut ScriptCall<'_>) -> Reply + Send + Sync>;

/// One run of a script: its keys, its arguments, and the server to call.
#[derive(Debug)]
pub struct ScriptCall<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) session: Session,
    /// KEYS.
    pub keys: &'a [Vec<u8>],
    /// ARGV.
    pub args: &'a [Vec<u8>],
}

impl ScriptCall<'_> {
    /// `redis.call`: runs a command at once, in the caller's database and without its ACL. Errors come back as replies.
    pub fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Reply {
        let args: Vec<Vec<u8>> = command.iter().map(|arg| arg.as_ref().to_vec()).collect();
        dispatch(self.state, &mut self.session, &args, PageEdit::default())
    }

    /// The data, without going through commands.
    pub fn state(&mut self) -> &mut State {
        self.state
    }
}

/// Closures by the SHA-1 of their text, and which texts the server has seen.
#[derive(Default)]
pub(crate) struct Scripts {
    closures: BTreeMap<String, ScriptFn>,
    loaded: BTreeMap<String, Vec<u8>>,
}

impl Scripts {
    pub(crate) fn register(&mut self, text: &str, closure: ScriptFn) {
        self.closures.insert(sha1::hex(text.as_bytes()), closure);
    }

    /// SCRIPT LOAD, and what EVAL does on the way: the digest by which EVALSHA finds the text.
    pub(crate) fn load(&mut self, text: &[u8]) -> String {
        let digest = sha1::hex(text);
        self.loaded.insert(digest.clone(), text.to_vec());
        digest
    }

    pub(crate) fn is_loaded(&self, digest: &str) -> bool {
        self.loaded.contains_key(&digest.to_ascii_lowercase())
    }

    pub(crate) fn closure(&self, digest: &str) -> Option<ScriptFn> {
        self.closures.get(&digest.to_ascii_lowercase()).cloned()
    }

    /// SCRIPT FLUSH, or a restart: closures stay, digests are unknown again.
    pub(crate) fn forget_loaded(&mut self) {
        self.loaded.clear();
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Scripts({} closures, {} loaded)",
            self.closures.len(),
            self.loaded.len()
        )
    }
}
