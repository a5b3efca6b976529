//! Pages of key names over HTTP: bounded in number and time, and taken up by a signed cursor. Shows names, never values.

use axum::Extension;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keypace::{Browse, BrowsePlace, ErrorKind, Key, Pattern, Scope, browse};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Query};
use crate::http::state::AppState;
use crate::limits;

const PURPOSE: &str = "keys-2";
/// Cursors are small: what a level more saves is not worth its time.
const CURSOR_ZSTD_LEVEL: i32 = 3;

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// A glob as SCAN has it, such as `session:*`.
    #[param(min_length = 1, max_length = 1024)]
    pattern: String,
    /// At most so many keys; fewer may come although there are more. 100 where nothing is said.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
    /// Where another page of the same pattern ended.
    cursor: Option<String>,
    /// Which server; may be left out where there is one.
    server: Option<String>,
}

/// A page of keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct KeysView {
    /// The keys; another page may have one of them again.
    keys: Vec<KeyView>,
    /// Where the next page begins; nothing once every key was seen.
    cursor: Option<String>,
    /// Whether every key was seen.
    complete: bool,
    /// How far the pattern reaches: `scoped`, `unbounded` or `catch_all`.
    scope: &'static str,
}

/// The name of a key: as text, or its bytes as base64 where they are no UTF-8.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyView {
    /// The name.
    Key(String),
    /// The name's bytes as base64.
    KeyB64(String),
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        match std::str::from_utf8(key.as_bytes()) {
            Ok(name) => Self::Key(name.to_owned()),
            Err(_) => Self::KeyB64(STANDARD.encode(key.as_bytes())),
        }
    }
}

/// A page of the keys that match a pattern. A cluster is walked node by node.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(KeysQuery), responses(
    (status = 200, description = "The page. It ends early where few keys match: go on with the cursor", body = KeysView),
    (status = 404, description = "There is no such server", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "The server can't be walked: a guard says why", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<KeysQuery>,
) -> Result<Json<KeysView>, Problem> {
    let pattern = pattern_of(&query.pattern)?;
    let scope = scope_of(&pattern);
    let server = server_of(&state, query.server)?;
    let most = query
        .limit
        .map_or(keypace::limits::BROWSE_DEFAULT_KEYS, |limit| limit as usize);
    let mut request = Browse::new(pattern).with_most(most)?;
    let signing = Signing {
        state: &state,
        caller: &caller,
        server: &server,
        pattern: &query.pattern,
    };
    if let Some(cursor) = &query.cursor {
        request = request.behind(signing.read(cursor)?);
    }
    let page = gather(&state, &server, &request).await?;
    Ok(Json(KeysView {
        complete: page.next.is_none(),
        cursor: page
            .next
            .as_ref()
            .map(|place| signing.write(place))
            .transpose()?,
        keys: page.keys.into_iter().map(KeyView::from).collect(),
        scope,
    }))
}

/// The server that is named, or the only one.
fn server_of(state: &AppState, named: Option<String>) -> Result<String, Problem> {
    let server = named.or_else(|| state.servers.only().map(str::to_owned));
    server.ok_or_else(|| {
        Problem::invalid("server: several are configured, so name one; GET /v1/servers lists them")
    })
}

fn pattern_of(text: &str) -> Result<Pattern, Problem> {
    Pattern::new(text.to_owned())
        .map_err(|error| Problem::invalid(format!("pattern: {error}; {}", error.hint())))
}

fn scope_of(pattern: &Pattern) -> &'static str {
    match pattern.scope(keypace::limits::DEFAULT_SEPARATOR) {
        Scope::Scoped => "scoped",
        Scope::Unbounded => "unbounded",
        Scope::CatchAll => "catch_all",
    }
}

/// A keyspace is held to the process that it was opened on: where another one answers by now, it is opened anew, and the
/// walk begins again there.
async fn gather(
    state: &AppState,
    server: &str,
    request: &Browse,
) -> Result<keypace::Browsed, Problem> {
    let keyspace = state.servers.keyspace(server).await?;
    match browse(&keyspace, request).await {
        Err(error) if may_be_another_process(&error) => {
            state.servers.identity(server).await?;
            let keyspace = state.servers.keyspace(server).await?;
            Ok(browse(&keyspace, request).await?)
        }
        page => Ok(page?),
    }
}

fn may_be_another_process(error: &keypace::Error) -> bool {
    use ErrorKind::{Disconnected, Guard, Unreachable};
    matches!(error.kind(), Guard | Disconnected | Unreachable)
}

/// What a cursor is good for: this pattern, on this server, in the hands of this key.
struct Signing<'a> {
    state: &'a AppState,
    caller: &'a Caller,
    server: &'a str,
    pattern: &'a str,
}

impl Signing<'_> {
    fn parts<'b>(&'b self, place: &'b [u8]) -> [&'b [u8]; 4] {
        [
            self.server.as_bytes(),
            self.pattern.as_bytes(),
            self.caller.key.as_str().as_bytes(),
            place,
        ]
    }

    fn write(&self, place: &BrowsePlace) -> Result<String, Problem> {
        let place = packed(place)?;
        let signature = self.state.signer.sign(PURPOSE, &self.parts(&place));
        let cursor = format!("{}.{signature}", URL_SAFE_NO_PAD.encode(&place));
        if cursor.len() > limits::CURSOR_BYTES {
            return Err(Problem::conflict(
                "the cluster's slots lie too scattered for a cursor: start a count or stats job in place of pages",
            ));
        }
        Ok(cursor)
    }

    fn read(&self, cursor: &str) -> Result<BrowsePlace, Problem> {
        let foreign = || {
            Problem::invalid(
                "cursor: it is not one that was given for this pattern, server and key; leave it out to begin again",
            )
        };
        let (place, signature) = cursor.split_once('.').ok_or_else(foreign)?;
        let place = URL_SAFE_NO_PAD.decode(place).map_err(|_| foreign())?;
        if !self
            .state
            .signer
            .verify(PURPOSE, &self.parts(&place), signature)
        {
            return Err(foreign());
        }
        unpacked(&place).ok_or_else(foreign)
    }
}

/// A place as few bytes. In a cluster it names slots three times over, which makes it shorter than its text by far.
fn packed(place: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let text = serde_json::to_vec(place).map_err(Problem::internal)?;
    zstd::bulk::compress(&text, CURSOR_ZSTD_LEVEL).map_err(Problem::internal)
}

/// What was packed; nothing that is larger than any place.
fn unpacked<T: DeserializeOwned>(place: &[u8]) -> Option<T> {
    let text = zstd::bulk::decompress(place, limits::CURSOR_PLACE_BYTES).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::{packed, unpacked};
    use crate::limits;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    /// Slots that were dealt out to three nodes in 600 stretches: many times what a cluster has that was rebalanced now and
    /// then. A checkpoint names those of a node as what is open, what it answers for and what it owned.
    fn scattered() -> Vec<String> {
        let mut seed = 7_u32;
        let mut dealt = |node: u32| -> String {
            let mut ranges = Vec::new();
            for stretch in 0..600_u32 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (first, wide) = (stretch * 27, seed >> 16);
                if wide % 3 == node {
                    ranges.push(format!("{first}-{}", first + 1 + (wide / 3) % 26));
                }
            }
            ranges.join(" ")
        };
        let all = [dealt(0), dealt(1), dealt(2)];
        let open = all.join(" ");
        let thrice = all.iter().flat_map(|own| [own.clone(), own.clone()]);
        thrice.chain([open]).collect()
    }

    #[test]
    fn the_place_in_a_scattered_cluster_is_short_enough_for_a_cursor() {
        let place = scattered();
        let text = serde_json::to_vec(&place).expect("written").len();
        assert!(text > 4 * limits::CURSOR_BYTES, "{text}");
        let short = packed(&place).expect("packed");
        let cursor = URL_SAFE_NO_PAD.encode(&short).len();
        assert!(cursor + 100 < limits::CURSOR_BYTES, "{cursor} of {text}");
        assert_eq!(unpacked::<Vec<String>>(&short), Some(place));
    }

    #[test]
    fn what_was_not_packed_here_is_nothing() {
        let large = vec![" ".repeat(limits::CURSOR_PLACE_BYTES)];
        let large = packed(&large).expect("packed");
        for wrong in [&b""[..], b"{}", b"\x28\xb5\x2f\xfd", &large] {
            assert_eq!(unpacked::<Vec<String>>(wrong), None, "{}", wrong.len());
        }
    }
}
