//! The questions about a group's keys under WATCH: which commands, in which order, and what the answers say of each key.
//! Queues and reads on a connection that it is given; decides nothing about groups.

use std::time::Duration;

use super::reads::Form;
use super::seen::{Found, Seen};
use super::trip::{Halt, Trip};
use crate::key::{Facts, Key, Size, Ttl, TypeName};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Class, Reply, ServerCode, refuses_keys};
use crate::select::{Guard, Verdict};

/// What is asked about each key of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    idle: bool,
    /// Whether other keys share the value, as strings that are small numbers may: its idle time is no key's then.
    shares: bool,
    kind: bool,
    /// PEXPIRETIME says when a key expires; PTTL how long it has, as servers before 7.0 do.
    says_when: bool,
    /// The server's clock, asked once.
    time: bool,
    length: bool,
}

impl Asked {
    /// For this guard, and for a copy where one is made.
    pub(super) fn new(guard: &Guard, copies: bool, says_when: bool) -> Self {
        let questions = guard.questions();
        Self {
            idle: questions.idle,
            shares: questions.idle && !guard.trusts_idle(),
            kind: questions.kind,
            says_when,
            time: questions.ttl || (copies && !says_when),
            length: copies,
        }
    }

    /// Questions about one key.
    pub(super) fn each(self) -> u32 {
        let asked = [self.idle, self.shares, self.kind, self.length];
        asked
            .into_iter()
            .fold(1, |sum, is_asked| sum + u32::from(is_asked))
    }
}

/// What the cheap questions said of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    idle: Option<Duration>,
    kind: Option<TypeName>,
    expiry: Expiry,
    /// A string's length; `None` where the key holds something else, or nobody asked.
    length: Option<u64>,
    /// About so many bytes, by the server's own account.
    measured: Option<Size>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expiry {
    #[default]
    Gone,
    Never,
    /// In ms since 1970.
    At(u64),
    /// In so many ms.
    In(u64),
}

impl Told {
    fn is_here(&self) -> bool {
        self.expiry != Expiry::Gone
    }

    /// Whether its size has to be asked for.
    fn is_measured(&self, asked: Asked, guard: &Guard) -> bool {
        self.is_here() && (guard.asks_size() || (asked.length && self.length.is_none()))
    }

    fn facts(&self, guard: &Guard, now_ms: u64) -> Facts {
        let questions = guard.questions();
        let ttl = match self.expiry {
            Expiry::Gone | Expiry::Never => Ttl::None,
            Expiry::At(at) => Ttl::Left(Duration::from_millis(at.saturating_sub(now_ms))),
            Expiry::In(left) => Ttl::Left(Duration::from_millis(left)),
        };
        Facts {
            kind: self.kind.clone(),
            ttl: questions.ttl.then_some(ttl),
            idle: self.idle,
            size: self.measured.filter(|_| questions.size),
        }
    }

    fn found(&self, now_ms: u64) -> Found {
        let expires_at_ms = match self.expiry {
            Expiry::Gone | Expiry::Never => None,
            Expiry::At(at) => Some(at),
            Expiry::In(left) => Some(now_ms.saturating_add(left)),
        };
        let (form, bytes) = match (self.length, self.measured) {
            (Some(bytes), _) => (Form::Text, bytes),
            (None, Some(size)) if size.is_elements => (
                Form::Dump,
                size.amount.saturating_mul(limits::ELEMENT_BYTES),
            ),
            (None, size) => (Form::Dump, size.map_or(0, |size| size.amount)),
        };
        Found {
            expires_at_ms,
            form,
            bytes,
        }
    }
}

/// The answers about a group, and the server's time then.
pub(super) struct Answers {
    told: Vec<Told>,
    now_ms: u64,
}

impl Answers {
    /// What they mean for each key.
    pub(super) fn seen(&self, guard: &Guard) -> Vec<Seen> {
        let seen = |told: &Told| {
            if !told.is_here() {
                return Seen::Gone;
            }
            // What was near a threshold has been measured whole by now, where that is cheap.
            match guard.judge_measured(&told.facts(guard, self.now_ms)) {
                Verdict::Passes => Seen::Here(told.found(self.now_ms)),
                Verdict::Fails | Verdict::Measure => Seen::Refused,
            }
        };
        self.told.iter().map(seen).collect()
    }
}

impl Trip<'_> {
    /// The cheap questions, in one flush with the WATCH where one was queued. Idle time comes first, before anything that makes
    /// a key young.
    pub(super) async fn ask(&mut self, keys: &[Key], asked: Asked) -> Result<Answers, Halt> {
        let is_watching = self.lease.is_watching();
        if asked.idle {
            self.queue_each("OBJECT IDLETIME", &[b"OBJECT", b"IDLETIME"], keys);
        }
        if asked.shares {
            self.queue_each("OBJECT REFCOUNT", &[b"OBJECT", b"REFCOUNT"], keys);
        }
        if asked.kind {
            self.queue_each("TYPE", &[b"TYPE"], keys);
        }
        if asked.time {
            self.lease.queue("TIME", Class::Read, ["TIME"].iter());
        }
        let expiry = if asked.says_when {
            "PEXPIRETIME"
        } else {
            "PTTL"
        };
        self.queue_each(expiry, &[expiry.as_bytes()], keys);
        if asked.length {
            self.queue_each("STRLEN", &[b"STRLEN"], keys);
        }
        self.lease.flush().await?;
        if is_watching {
            self.expect_ok("WATCH").await?;
        }
        let mut answers = Answers {
            told: vec![Told::default(); keys.len()],
            now_ms: 0,
        };
        if asked.idle {
            for told in &mut answers.told {
                told.idle = self.idle_time().await?;
            }
        }
        if asked.shares {
            for told in &mut answers.told {
                let is_own = self.is_own_value().await?;
                told.idle = told.idle.filter(|_| is_own);
            }
        }
        if asked.kind {
            for told in &mut answers.told {
                told.kind = Some(self.type_name().await?);
            }
        }
        if asked.time {
            answers.now_ms = self.time().await?;
        }
        for told in &mut answers.told {
            told.expiry = self.expiry(expiry, asked.says_when).await?;
        }
        if asked.length {
            for told in &mut answers.told {
                told.length = self.length().await?;
            }
        }
        self.heard_out()?;
        Ok(answers)
    }

    /// The sizes that the guard or the copy needs and that STRLEN does not say.
    pub(super) async fn measure(
        &mut self,
        keys: &[Key],
        asked: Asked,
        answers: &mut Answers,
    ) -> Result<(), Halt> {
        let guard = &self.context.guard;
        let wanted: Vec<usize> = (0..keys.len())
            .filter(|place| answers.told[*place].is_measured(asked, guard))
            .collect();
        let mut wanted = wanted.as_slice();
        while !wanted.is_empty() {
            let turn = self.context.turn(QueryKind::Measure).await;
            let most = turn
                .as_ref()
                .map_or(wanted.len(), |turn| turn.units() as usize);
            let (now, later) = wanted.split_at(most.clamp(1, wanted.len()));
            if self.context.measures() {
                self.measure_bytes(keys, now, answers).await?;
            } else {
                self.measure_elements(keys, now, answers).await?;
            }
            if let Some(turn) = turn {
                turn.done(u32::try_from(now.len()).unwrap_or(u32::MAX));
            }
            wanted = later;
        }
        Ok(())
    }

    async fn measure_bytes(
        &mut self,
        keys: &[Key],
        places: &[usize],
        answers: &mut Answers,
    ) -> Result<(), Halt> {
        let guard = &self.context.guard;
        let samples = guard.samples().to_string();
        self.sizes(keys, places, &samples, answers).await?;
        let near = |place: &usize| {
            let told = &answers.told[*place];
            told.is_here() && guard.judge(&told.facts(guard, answers.now_ms)) == Verdict::Measure
        };
        let near: Vec<usize> = places.iter().copied().filter(near).collect();
        if near.is_empty() {
            return Ok(());
        }
        let elements = self.elements(keys, &near).await?;
        let small = elements.iter().filter(|(kind, elements, _)| {
            *kind != TypeName::String && *elements <= limits::WHOLE_SIZE_MAX_ELEMENTS
        });
        let small: Vec<usize> = small.map(|(_, _, place)| *place).collect();
        // 0: all of them.
        self.sizes(keys, &small, "0", answers).await
    }

    async fn sizes(
        &mut self,
        keys: &[Key],
        places: &[usize],
        samples: &str,
        answers: &mut Answers,
    ) -> Result<(), Halt> {
        for place in places {
            let key = keys[*place].as_bytes();
            let words = [
                &b"MEMORY"[..],
                b"USAGE",
                key,
                b"SAMPLES",
                samples.as_bytes(),
            ];
            self.lease.queue("MEMORY USAGE", Class::Read, words.iter());
        }
        self.lease.flush().await?;
        for place in places {
            let told = &mut answers.told[*place];
            match self.lease.reply().await? {
                Reply::Int(bytes) => {
                    told.measured = Some(Size::bytes(u64::try_from(bytes).unwrap_or(0)));
                }
                Reply::Null => told.expiry = Expiry::Gone,
                Reply::Error(text) if is_absent(&text) => self.lacks_measure(),
                Reply::Error(text) => self.refused("MEMORY USAGE", &text),
                _ => return Err(self.unexpected("MEMORY USAGE")),
            }
        }
        self.heard_out()
    }

    /// Where the server has no MEMORY USAGE: as many elements as there are.
    async fn measure_elements(
        &mut self,
        keys: &[Key],
        places: &[usize],
        answers: &mut Answers,
    ) -> Result<(), Halt> {
        for (_, elements, place) in self.elements(keys, places).await? {
            answers.told[place].measured = Some(Size::elements(elements));
        }
        Ok(())
    }

    /// Types and numbers of elements; of a string its bytes. A module's value has none: its size shows when it is read.
    async fn elements(
        &mut self,
        keys: &[Key],
        places: &[usize],
    ) -> Result<Vec<(TypeName, u64, usize)>, Halt> {
        for place in places {
            let words = [&b"TYPE"[..], keys[*place].as_bytes()];
            self.lease.queue("TYPE", Class::Read, words.iter());
        }
        self.lease.flush().await?;
        let mut counted = Vec::with_capacity(places.len());
        for place in places {
            let kind = self.type_name().await?;
            if let Some(command) = length_of(&kind) {
                counted.push((command, (kind, 0, *place)));
            }
        }
        self.heard_out()?;
        for (command, (_, _, place)) in &counted {
            let words = [command.as_bytes(), keys[*place].as_bytes()];
            self.lease.queue(command, Class::Read, words.iter());
        }
        self.lease.flush().await?;
        for (command, (_, elements, _)) in &mut counted {
            match self.lease.reply().await? {
                Reply::Int(number) => *elements = u64::try_from(number).unwrap_or(0),
                // It holds something else by now: the EXEC will not run.
                Reply::Error(text) if ServerCode::of(&text) == ServerCode::WrongType => {}
                Reply::Error(text) => self.refused(command, &text),
                _ => return Err(self.unexpected(command)),
            }
        }
        self.heard_out()?;
        Ok(counted.into_iter().map(|(_, counted)| counted).collect())
    }

    /// When each expires, in ms since 1970, as PEXPIRETIME has it; queues only.
    pub(super) fn queue_times(&mut self, keys: &[Key]) {
        self.queue_each("PEXPIRETIME", &[b"PEXPIRETIME"], keys);
    }

    /// The answer to one of these; `None` where the key has gone.
    pub(super) async fn time_of(&mut self) -> Result<Option<Option<u64>>, Halt> {
        Ok(match self.expiry("PEXPIRETIME", true).await? {
            Expiry::Gone | Expiry::In(_) => None,
            Expiry::Never => Some(None),
            Expiry::At(at) => Some(Some(at)),
        })
    }

    fn queue_each(&mut self, command: &'static str, words: &[&[u8]], keys: &[Key]) {
        for key in keys {
            let words: Vec<&[u8]> = words.iter().copied().chain([key.as_bytes()]).collect();
            self.lease.queue(command, Class::Read, words.into_iter());
        }
    }

    async fn idle_time(&mut self) -> Result<Option<Duration>, Halt> {
        match self.lease.reply().await? {
            Reply::Int(seconds) => Ok(u64::try_from(seconds).ok().map(Duration::from_secs)),
            Reply::Null => Ok(None),
            Reply::Error(text) => {
                self.refused("OBJECT IDLETIME", &text);
                Ok(None)
            }
            _ => Err(self.unexpected("OBJECT IDLETIME")),
        }
    }

    async fn is_own_value(&mut self) -> Result<bool, Halt> {
        match self.lease.reply().await? {
            Reply::Int(holders) => Ok(holders == 1),
            Reply::Null => Ok(false),
            Reply::Error(text) => {
                self.refused("OBJECT REFCOUNT", &text);
                Ok(false)
            }
            _ => Err(self.unexpected("OBJECT REFCOUNT")),
        }
    }

    async fn type_name(&mut self) -> Result<TypeName, Halt> {
        match self.lease.reply().await? {
            Reply::Simple(name) | Reply::Bulk(name) => {
                Ok(TypeName::from(String::from_utf8_lossy(&name).as_ref()))
            }
            Reply::Error(text) => {
                self.refused("TYPE", &text);
                Ok(TypeName::from("none"))
            }
            _ => Err(self.unexpected("TYPE")),
        }
    }

    async fn time(&mut self) -> Result<u64, Halt> {
        let reply = self.lease.reply().await?;
        let Reply::Array(parts) = reply else {
            if let Reply::Error(text) = reply {
                self.refused("TIME", &text);
                return Ok(0);
            }
            return Err(self.unexpected("TIME"));
        };
        let number = |reply: Option<&Reply>| match reply {
            Some(Reply::Bulk(digits) | Reply::Simple(digits)) => {
                std::str::from_utf8(digits).ok()?.parse::<u64>().ok()
            }
            Some(Reply::Int(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let (seconds, micros) = (number(parts.first()), number(parts.get(1)));
        let (Some(seconds), Some(micros)) = (seconds, micros) else {
            return Err(self.unexpected("TIME"));
        };
        Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
    }

    async fn expiry(&mut self, command: &'static str, says_when: bool) -> Result<Expiry, Halt> {
        match self.lease.reply().await? {
            Reply::Int(-1) => Ok(Expiry::Never),
            Reply::Int(ms) => Ok(match u64::try_from(ms) {
                Ok(ms) if says_when => Expiry::At(ms),
                Ok(ms) => Expiry::In(ms),
                Err(_) => Expiry::Gone,
            }),
            Reply::Error(text) if says_when && is_absent(&text) => {
                self.lacks_times();
                Ok(Expiry::Gone)
            }
            Reply::Error(text) => {
                self.refused(command, &text);
                Ok(Expiry::Gone)
            }
            _ => Err(self.unexpected(command)),
        }
    }

    async fn length(&mut self) -> Result<Option<u64>, Halt> {
        match self.lease.reply().await? {
            Reply::Int(bytes) => Ok(u64::try_from(bytes).ok()),
            Reply::Error(text) if ServerCode::of(&text) == ServerCode::WrongType => Ok(None),
            Reply::Error(text) => {
                self.refused("STRLEN", &text);
                Ok(None)
            }
            _ => Err(self.unexpected("STRLEN")),
        }
    }
}

/// The command that counts the elements of such a value.
fn length_of(kind: &TypeName) -> Option<&'static str> {
    match kind {
        TypeName::String => Some("STRLEN"),
        TypeName::List => Some("LLEN"),
        TypeName::Set => Some("SCARD"),
        TypeName::Zset => Some("ZCARD"),
        TypeName::Hash => Some("HLEN"),
        TypeName::Stream => Some("XLEN"),
        TypeName::Other(_) => None,
    }
}

/// The server does not have the command, or the user may not use it: there is another way to ask.
fn is_absent(text: &[u8]) -> bool {
    let code = ServerCode::of(text);
    code == ServerCode::UnknownCommand || (code == ServerCode::NoPerm && !refuses_keys(text))
}
