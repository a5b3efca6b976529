//! Tickets: a way in for one WebSocket, so that no key stands in a URL. Must not know what they open beyond a name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;

use crate::access::key::{Caller, KeyId};
use crate::access::scope::Scope;
use crate::access::signer::Signer;
use crate::limits;
use crate::sql::StoreError;

const PURPOSE: &str = "ticket-1";
/// Random bytes that make two tickets of one moment two.
const NONCE_BYTES: usize = 12;

/// Why a ticket opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TicketError {
    /// It was not made here, or for something else.
    #[error("this ticket is not valid here; ask POST /v1/tickets for one")]
    Invalid,
    /// It is too old.
    #[error("this ticket has run out; ask POST /v1/tickets for another")]
    Expired,
    /// It opened something already.
    #[error("this ticket was used already; ask POST /v1/tickets for another")]
    Used,
    /// Too many were used in the last moments.
    #[error("too many tickets were used in the last moments; try again in half a minute")]
    Busy,
}

/// Gives tickets and takes them back, each once within this process.
#[derive(Clone)]
pub struct Tickets {
    signer: Signer,
    /// What was used, until when it would have been valid.
    used: Arc<Mutex<HashMap<Vec<u8>, i64>>>,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Tickets {
    /// Signed by this.
    #[must_use]
    pub fn new(signer: Signer) -> Self {
        Self {
            signer,
            used: Arc::default(),
            clock: Arc::new(|| Utc::now().timestamp_millis()),
        }
    }

    /// The same with another clock, in milliseconds since 1970.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A ticket for this caller to `subject` (a job's id), valid for [`limits::TICKET_TTL`].
    ///
    /// # Errors
    /// `Internal` where the system gives no random bytes.
    pub fn issue(&self, caller: &Caller, subject: impl AsRef<str>) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(StoreError::internal)?;
        let life = i64::try_from(limits::TICKET_TTL.as_millis()).unwrap_or(i64::MAX);
        let until = (self.clock)().saturating_add(life);
        let mut body = until.to_be_bytes().to_vec();
        body.extend(nonce);
        body.push(scope_byte(caller.scope));
        body.extend(caller.key.as_str().as_bytes());
        let signature = self
            .signer
            .sign(PURPOSE, &[subject.as_ref().as_bytes(), &body]);
        Ok(format!("{}.{signature}", URL_SAFE_NO_PAD.encode(body)))
    }

    /// Takes a ticket to `subject`, and says whose it was.
    ///
    /// # Errors
    /// As the variants say.
    pub fn redeem(
        &self,
        ticket: &str,
        subject: impl AsRef<str>,
    ) -> Result<(KeyId, Scope), TicketError> {
        let (body, signature) = ticket.split_once('.').ok_or(TicketError::Invalid)?;
        let body = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| TicketError::Invalid)?;
        let parts = [subject.as_ref().as_bytes(), &body];
        if !self.signer.verify(PURPOSE, &parts, signature) {
            return Err(TicketError::Invalid);
        }
        let (until, rest) = body.split_first_chunk::<8>().ok_or(TicketError::Invalid)?;
        let (nonce, rest) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(TicketError::Invalid)?;
        let (scope, key) = rest.split_first().ok_or(TicketError::Invalid)?;
        let scope = scope_of(*scope).ok_or(TicketError::Invalid)?;
        let key = std::str::from_utf8(key).map_err(|_| TicketError::Invalid)?;
        self.use_up(nonce, i64::from_be_bytes(*until))?;
        Ok((KeyId::new(key), scope))
    }

    fn use_up(&self, nonce: &[u8], until: i64) -> Result<(), TicketError> {
        let now = (self.clock)();
        if now >= until {
            return Err(TicketError::Expired);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= limits::MAX_USED_TICKETS {
            used.retain(|_, until| now < *until);
        }
        if used.contains_key(nonce) {
            return Err(TicketError::Used);
        }
        if used.len() >= limits::MAX_USED_TICKETS {
            return Err(TicketError::Busy);
        }
        used.insert(nonce.to_vec(), until);
        Ok(())
    }
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets(..)")
    }
}

fn scope_byte(scope: Scope) -> u8 {
    match scope {
        Scope::Owner => 0,
        Scope::Operator => 1,
        Scope::Admin => 2,
    }
}

fn scope_of(byte: u8) -> Option<Scope> {
    [Scope::Owner, Scope::Operator, Scope::Admin]
        .into_iter()
        .find(|scope| scope_byte(*scope) == byte)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::{TicketError, Tickets};
    use crate::access::key::Caller;
    use crate::access::signer::Signer;
    use crate::limits;

    fn tickets(seed: u8) -> (Tickets, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = now.clone();
        let tickets = Tickets::new(Signer::new(&[seed; 32]));
        (
            tickets.with_clock(move || clock.load(Ordering::SeqCst)),
            now,
        )
    }

    #[test]
    fn a_ticket_opens_one_thing_once_in_its_time() {
        let (tickets, now) = tickets(1);
        let caller = Caller::keyless();
        let ticket = tickets.issue(&caller, "a").expect("a ticket");
        assert_eq!(tickets.redeem(&ticket, "b"), Err(TicketError::Invalid));
        assert_eq!(
            tickets.redeem(&ticket, "a"),
            Ok((caller.key.clone(), caller.scope))
        );
        assert_eq!(tickets.redeem(&ticket, "a"), Err(TicketError::Used));
        let late = tickets.issue(&caller, "a").expect("a ticket");
        now.fetch_add(30_000, Ordering::SeqCst);
        assert_eq!(tickets.redeem(&late, "a"), Err(TicketError::Expired));
        assert_eq!(tickets.redeem(&ticket, "a"), Err(TicketError::Expired));
    }

    #[test]
    fn what_was_not_made_here_opens_nothing() {
        let ((ours, _), (theirs, _)) = (tickets(1), tickets(2));
        let ticket = theirs.issue(&Caller::keyless(), "a").expect("a ticket");
        let own = ours.issue(&Caller::keyless(), "a").expect("a ticket");
        let (body, _) = own.split_once('.').expect("two parts");
        let (_, foreign) = ticket.split_once('.').expect("two parts");
        for wrong in [
            "",
            ".",
            "a.b",
            body,
            &ticket,
            &format!("{body}.{foreign}"),
            &format!(" {own}"),
        ] {
            assert_eq!(
                ours.redeem(wrong, "a"),
                Err(TicketError::Invalid),
                "{wrong}"
            );
        }
        assert!(ours.redeem(&own, "a").is_ok());
    }

    #[test]
    fn what_was_used_is_forgotten_when_it_has_run_out_and_not_before() {
        let (tickets, now) = tickets(1);
        let caller = Caller::keyless();
        let used = |count: usize| {
            (0..count).map(|_| {
                let ticket = tickets.issue(&caller, "a").expect("a ticket");
                tickets.redeem(&ticket, "a").map(|_| ())
            })
        };
        assert!(used(limits::MAX_USED_TICKETS).all(|used| used.is_ok()));
        assert_eq!(used(1).next(), Some(Err(TicketError::Busy)));
        now.fetch_add(30_000, Ordering::SeqCst);
        assert_eq!(used(1).next(), Some(Ok(())));
    }
}
