//! What is refused before anybody asks who it comes from: a foreign Host or Origin, a URL that is too long; and the
//! headers that every reply carries. Knows no key.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::Problem;
use crate::http::state::{AppState, Place};
use crate::limits;

/// The page needs nothing but its own files and its own service, and nobody may frame it.
const CONTENT_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    object-src 'none'";

/// Headers of every reply: name and value.
const SECURITY: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Where a browser says that a request comes from: it lets no page write that.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Adds what keeps a browser from more than the page needs. What says nothing of caches is kept in none.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses what is not meant for us, or comes from a page that is not ours.
pub(crate) async fn own_place(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if request
        .uri()
        .path_and_query()
        .is_some_and(|path| path.as_str().len() > limits::URI_BYTES)
    {
        let text = format!("the URL is longer than {} bytes", limits::URI_BYTES);
        return Problem::new(StatusCode::URI_TOO_LONG, text).into_response();
    }
    let is_keyless = state.auth.is_keyless();
    match check(&state.settings.place, is_keyless, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(place: &Place, is_keyless: bool, request: &Request) -> Result<(), Problem> {
    let host = host_of(request)?;
    if is_keyless && !host.as_deref().is_some_and(|host| place.is_address(host)) {
        return Err(Problem::forbidden(
            "without API keys only the address listened on is answered, under that name; make a key with \
             keypace serve --new-key, or use the address itself",
        ));
    }
    if place.public_host.is_some() && !host.as_deref().is_some_and(|host| place.is_own(host)) {
        return Err(Problem::forbidden(
            "this name is not one of the service's: see public_url in its config",
        ));
    }
    if is_keyless && comes_from_elsewhere(request) {
        return Err(foreign());
    }
    let Some(origin) = one(request.headers(), &ORIGIN)? else {
        return Ok(());
    };
    let from = origin
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .map(|(_, host)| host);
    let is_own = match (from, host.as_deref()) {
        (Some(from), _) if is_keyless => {
            let scheme = if place.uses_tls {
                "https://"
            } else {
                "http://"
            };
            origin.starts_with(scheme) && place.is_address(from)
        }
        (Some(from), Some(host)) => place.is_own(from) || from.eq_ignore_ascii_case(host),
        _ => false,
    };
    if is_own { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Problem {
    Problem::forbidden("a page of another origin gets nothing here")
}

/// Whether a browser says that a page of another origin sends this. It sends no Origin with an image, a script or a frame: no
/// reply is shown there, but the work would be done, and how long it takes would be told. A link to the page itself is not
/// meant.
fn comes_from_elsewhere(request: &Request) -> bool {
    let is = |name: &HeaderName, values: &[&[u8]]| {
        let mut sent = request.headers().get_all(name).iter();
        sent.any(|value| values.contains(&value.as_bytes()))
    };
    is(&SEC_FETCH_SITE, &[b"cross-site", b"same-site"]) && request.uri().path() != "/"
}

/// Which host is asked for: what the request line says, which has to be the same as the header, if it says anything.
fn host_of(request: &Request) -> Result<Option<String>, Problem> {
    let header = one(request.headers(), &HOST)?;
    let line = request
        .uri()
        .authority()
        .map(|host| host.as_str().to_owned());
    match (line, header) {
        (Some(line), Some(header)) if !line.eq_ignore_ascii_case(&header) => Err(Problem::invalid(
            "the request line and the Host header name different hosts",
        )),
        (line, header) => Ok(line.or(header)),
    }
}

/// A header that stands once or not at all.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::invalid(format!(
            "{name} stands twice in the request"
        )));
    }
    first
        .map(|value| value.to_str().map(str::to_owned))
        .transpose()
        .map_err(|_| Problem::invalid(format!("{name} is no text")))
}

/// Ends a request that takes too long.
pub(crate) async fn within(time: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "this took longer than {} s, and was given up",
                time.as_secs()
            ),
        )
        .into_response(),
    }
}

/// The address that a request came from, where it came over a socket.
pub(crate) fn peer(request: &Request) -> Option<SocketAddr> {
    let info = request
        .extensions()
        .get::<axum::extract::ConnectInfo<SocketAddr>>();
    info.map(|info| info.0)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::http::state::Place;
    use axum::body::Body;
    use axum::extract::Request;

    fn status(place: &Place, is_keyless: bool, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri("/v1/jobs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        check(place, is_keyless, &request)
            .map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    fn place() -> Place {
        Place::new("127.0.0.1:8420".parse().expect("an address"), None, false)
    }

    #[test]
    fn without_keys_host_and_origin_are_the_address() {
        let place = place();
        for (headers, expected) in [
            (&[("host", "127.0.0.1:8420")][..], 200),
            (
                &[
                    ("host", "127.0.0.1:8420"),
                    ("origin", "http://127.0.0.1:8420"),
                ],
                200,
            ),
            (&[], 403),
            (&[("host", "localhost:8420")], 403),
            (&[("host", "127.0.0.1")], 403),
            (&[("host", "127.0.0.1:8421")], 403),
            (&[("host", "rebound.example:8420")], 403),
            (
                &[
                    ("host", "127.0.0.1:8420"),
                    ("origin", "https://127.0.0.1:8420"),
                ],
                403,
            ),
            (
                &[
                    ("host", "127.0.0.1:8420"),
                    ("origin", "http://localhost:8420"),
                ],
                403,
            ),
            (&[("host", "127.0.0.1:8420"), ("origin", "null")], 403),
            (
                &[
                    ("host", "127.0.0.1:8420"),
                    ("origin", "http://evil.example"),
                ],
                403,
            ),
            (&[("host", "127.0.0.1:8420"), ("host", "evil.example")], 400),
        ] {
            assert_eq!(status(&place, true, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn without_keys_what_a_browser_sends_for_another_page_is_refused() {
        let site = |is_keyless: bool, site: &str| {
            let headers = [("host", "127.0.0.1:8420"), ("sec-fetch-site", site)];
            status(&place(), is_keyless, &headers)
        };
        for (from, expected) in [
            ("cross-site", 403),
            ("same-site", 403),
            ("same-origin", 200),
            ("none", 200),
        ] {
            assert_eq!(site(true, from), expected, "{from}");
            // A key is shown by nobody but the page that has it.
            assert_eq!(site(false, from), 200, "{from}");
        }
        let link = Request::builder()
            .uri("/")
            .header("host", "127.0.0.1:8420")
            .header("sec-fetch-site", "cross-site");
        let link = link.body(Body::empty()).expect("a request");
        assert_eq!(check(&place(), true, &link), Ok(()));
    }

    #[test]
    fn with_keys_an_origin_is_the_host_s() {
        let place = place();
        for (headers, expected) in [
            (&[("host", "keys.example")][..], 200),
            (
                &[("host", "keys.example"), ("origin", "https://keys.example")],
                200,
            ),
            (
                &[("host", "keys.example"), ("origin", "https://evil.example")],
                403,
            ),
            (&[("host", "keys.example"), ("origin", "null")], 403),
            (&[], 200),
        ] {
            assert_eq!(status(&place, false, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_public_name_is_the_only_other_one() {
        let mut place = place();
        place.public_host = Some("keys.example".to_owned());
        for (headers, expected) in [
            (&[("host", "keys.example")][..], 200),
            (
                &[
                    ("host", "127.0.0.1:8420"),
                    ("origin", "https://keys.example"),
                ],
                200,
            ),
            (&[("host", "other.example")], 403),
            (&[], 403),
        ] {
            assert_eq!(status(&place, false, headers), expected, "{headers:?}");
        }
    }
}
