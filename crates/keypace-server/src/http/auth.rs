//! Who asks: API keys, the caller on loopback where there are none, and what each route asks of a caller.
//! Must not know what a route does, and never logs a key.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::{Caller, KeyId, KeyStore, Scope, hash_of};
use crate::error::Problem;
use crate::http::guard::peer;
use crate::http::rate::Rates;
use crate::http::state::AppState;
use crate::limits;
use crate::sessions::SessionError;
use crate::sql::StoreError;

/// What a route asks of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Nothing.
    None,
    /// A key that stands for an owner.
    Owner,
    /// `operator` or `admin`.
    Operator,
    /// `admin`.
    Admin,
    /// At least `operator`; the job that is meant says whether it has to be more.
    ByJob,
    /// No key: a ticket in the query, which the handler redeems.
    Ticket,
}

/// Who may ask.
pub struct Auth {
    store: Arc<dyn KeyStore>,
    /// Keys of the config, by the hash of each.
    fixed: HashMap<String, Caller>,
    rates: Rates,
    keyless: Keyless,
    remembered: Mutex<HashMap<String, Remembered>>,
}

/// Whether callers on loopback need no key. Once that has ended it stays so.
struct Keyless {
    lasts: AtomicBool,
    /// When it was found last that there is no key; held by whoever asks, so that the others wait for the answer.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// What the store said of a key.
struct Remembered {
    caller: Option<Caller>,
    asked: Instant,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("is_keyless", &self.is_keyless())
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Asks the store whether there is any key: where there is none, in the config neither, and the service listens on
    /// loopback, callers need none until there is one. Cancel-safe.
    ///
    /// # Errors
    /// The store's.
    pub async fn new(
        store: Arc<dyn KeyStore>,
        fixed: HashMap<String, Caller>,
        rates: Rates,
        is_loopback: bool,
    ) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let is_keyless = is_loopback && fixed.is_empty() && !store.any().await?;
        Ok(Self {
            store,
            fixed,
            rates,
            keyless: Keyless {
                lasts: AtomicBool::new(is_keyless),
                looked: tokio::sync::Mutex::new(Some(asked)),
            },
            remembered: Mutex::default(),
        })
    }

    /// Whether callers on loopback are answered without a key.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        self.keyless.lasts.load(Ordering::Acquire)
    }

    /// Who sends this request. Cancel-safe.
    async fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
        if self.is_keyless() {
            self.look_for_keys().await?;
        }
        match bearer(headers)? {
            Some(secret) => match self.known(secret).await? {
                Some(caller) => Ok(Some(caller)),
                None => Err(Problem::unauthorized(
                    "this API key is not known here; it may have been revoked",
                )),
            },
            None if self.is_keyless() => Ok(Some(Caller::keyless())),
            None => Ok(None),
        }
    }

    /// Whether a key that was good once is good still, by its public name: for what goes on without showing it again. Keys of
    /// the config stay as long as the process does, and whoever needed none is good until there is a key. Cancel-safe.
    pub(crate) async fn still_allows(&self, key: &KeyId) -> Result<bool, Problem> {
        if *key == KeyId::keyless() {
            if self.is_keyless() {
                self.look_for_keys().await?;
            }
            return Ok(self.is_keyless());
        }
        if self.fixed.values().any(|caller| caller.key == *key) {
            return Ok(true);
        }
        self.store.holds(key).await.map_err(unanswered)
    }

    /// Whose key this is: from the config, from what was asked a moment ago, or from the store.
    async fn known(&self, secret: &str) -> Result<Option<Caller>, Problem> {
        let hash = hash_of(secret);
        if let Some(caller) = self.fixed.get(&hash) {
            return Ok(Some(caller.clone()));
        }
        if let Some(caller) = self.remembered(&hash) {
            return Ok(caller);
        }
        // Counted from before the question: a key that is revoked meanwhile is not believed for longer.
        let asked = Instant::now();
        let caller = self.store.find(secret).await.map_err(unanswered)?;
        self.remember(hash, caller.clone(), asked);
        Ok(caller)
    }

    fn remembered(&self, hash: &str) -> Option<Option<Caller>> {
        let table = self.table();
        let known = table.get(hash)?;
        is_young(known).then(|| known.caller.clone())
    }

    fn remember(&self, hash: String, caller: Option<Caller>, asked: Instant) {
        let mut table = self.table();
        if table.len() >= limits::REMEMBERED_KEYS {
            table.retain(|_, known| is_young(known));
        }
        if table.len() >= limits::REMEMBERED_KEYS {
            table.clear();
        }
        table.insert(hash, Remembered { caller, asked });
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks now and then whether a key was made; with the first one nobody is answered without. While the store can't say,
    /// nobody is answered either.
    async fn look_for_keys(&self) -> Result<(), Problem> {
        let mut looked = self.keyless.looked.lock().await;
        if looked.is_some_and(|when| when.elapsed() < limits::KEY_LIFE) {
            return Ok(());
        }
        *looked = None;
        let asked = Instant::now();
        let is_over = self.store.any().await.map_err(unanswered)?;
        if is_over && self.keyless.lasts.swap(false, Ordering::AcqRel) {
            tracing::info!("there is an API key now: callers on loopback need one from now on");
        }
        *looked = Some(asked);
        Ok(())
    }
}

fn is_young(known: &Remembered) -> bool {
    known.asked.elapsed() < limits::KEY_LIFE
}

fn unanswered(error: StoreError) -> Problem {
    tracing::warn!(cause = %crate::error::causes(&error), "the job store was asked for an API key");
    Problem::unavailable("API keys can't be looked up at the moment")
}

/// The key that stands in `Authorization: Bearer KEY`.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = || Problem::unauthorized("authentication is Authorization: Bearer KEY");
    if values.next().is_some() || value.len() > limits::AUTHORIZATION_BYTES {
        return Err(wrong());
    }
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, key) = text.split_once(' ').ok_or_else(wrong)?;
    let key = key.trim_ascii();
    if !scheme.eq_ignore_ascii_case("bearer") || key.is_empty() {
        return Err(wrong());
    }
    Ok(Some(key))
}

/// Lets a request through that comes from somebody who may, with its [`Caller`] in the extensions.
pub(crate) async fn require(
    State(state): State<AppState>,
    least: Least,
    mut request: Request,
    next: Next,
) -> Response {
    let from = peer(&request).map(|peer| peer.ip());
    match admit(&state.auth, least, from, request.headers()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    auth: &Auth,
    least: Least,
    from: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Problem> {
    if let Some(address) = from {
        auth.rates.address(address)?;
    }
    if matches!(least, Least::None | Least::Ticket) {
        return Ok(None);
    }
    let Some(caller) = auth.caller(headers).await? else {
        return Err(match least {
            Least::Owner => SessionError::no_owner().into(),
            _ => Problem::unauthorized("this needs an API key: Authorization: Bearer KEY"),
        });
    };
    auth.rates.key(caller.key.as_str())?;
    check(least, &caller)?;
    Ok(Some(caller))
}

/// Whether this caller may.
fn check(least: Least, caller: &Caller) -> Result<(), Problem> {
    let scope = match least {
        Least::None | Least::Ticket => return Ok(()),
        Least::Owner if caller.owner.is_some() => return Ok(()),
        Least::Owner => return Err(SessionError::no_owner().into()),
        Least::Operator | Least::ByJob => Scope::Operator,
        Least::Admin => Scope::Admin,
    };
    allow(caller, scope)
}

/// Whether a caller's scope is enough; what handlers ask whose routes say [`Least::ByJob`].
pub(crate) fn allow(caller: &Caller, least: Scope) -> Result<(), Problem> {
    if caller.scope.allows(least) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "this needs the scope {least}, and the API key has {}",
        caller.scope
    )))
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| {
            Problem::internal("a handler asks for a caller on a route that has none")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Least, bearer, check};
    use crate::access::{Caller, KeyId, Scope};
    use axum::http::HeaderMap;
    use axum::http::header::AUTHORIZATION;

    #[test]
    fn the_key_stands_behind_bearer() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, text.parse().expect("a header"));
            bearer(&headers).map(|key| key.map(str::to_owned))
        };
        assert_eq!(of("Bearer kp_a"), Ok(Some("kp_a".to_owned())));
        assert_eq!(of("bearer  kp_a "), Ok(Some("kp_a".to_owned())));
        let long = format!("Bearer {}", "a".repeat(300));
        for wrong in ["Basic a", "Bearer", "Bearer ", "kp_a", "", &long] {
            assert_eq!(of(wrong).expect_err(wrong).status().as_u16(), 401);
        }
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn who_may_what() {
        let caller = |scope: Scope, owner: Option<&str>| Caller {
            key: KeyId::new("k"),
            scope,
            owner: owner.map(str::to_owned),
        };
        let status = |least: Least, caller: &Caller| {
            check(least, caller).map_or_else(|problem| problem.status().as_u16(), |()| 200)
        };
        let rows = [
            (caller(Scope::Owner, Some("o")), [200, 200, 403, 403, 403]),
            (caller(Scope::Operator, None), [200, 401, 200, 403, 200]),
            (
                caller(Scope::Operator, Some("o")),
                [200, 200, 200, 403, 200],
            ),
            (caller(Scope::Admin, None), [200, 401, 200, 200, 200]),
            (caller(Scope::Admin, Some("o")), [200, 200, 200, 200, 200]),
            (Caller::keyless(), [200, 401, 200, 200, 200]),
        ];
        let all = [
            Least::None,
            Least::Owner,
            Least::Operator,
            Least::Admin,
            Least::ByJob,
        ];
        for (caller, expected) in rows {
            assert_eq!(
                all.map(|least| status(least, &caller)),
                expected,
                "{caller:?}"
            );
        }
    }
}
