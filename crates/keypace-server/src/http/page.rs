//! The page and its files, embedded in the binary. Must not read anything that a request names but these files.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{Problem, ProblemBody};

/// What `web/` holds. A build with debug checks reads the folder anew at each request.
#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

/// The name of the page itself.
const INDEX: &str = "index.html";

/// The page. Cancel-safe: it awaits nothing.
#[utoipa::path(get, path = "/", tag = "page", responses(
    (status = 200, description = "The page", content_type = "text/html", body = String),
    (status = 304, description = "It is the one that the browser has"),
))]
pub(crate) async fn index(headers: HeaderMap) -> Response {
    answer(INDEX, &headers)
}

/// A file of the page. Cancel-safe: it awaits nothing.
#[utoipa::path(get, path = "/page/{name}", tag = "page",
    params(("name" = String, Path, description = "Its path below the page, such as `css/base.css`")),
    responses(
        (status = 200, description = "The file", content_type = "*/*", body = Vec<u8>),
        (status = 304, description = "It is the one that the browser has"),
        (status = 404, description = "There is no such file", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(name) else {
        return Problem::not_found("the page has no such file").into_response();
    };
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| names(value, &tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body(file)
    };
    let own = response.headers_mut();
    // Names hold no version: a browser asks each time, and is told in a few bytes that nothing changed.
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        own.insert(header::ETAG, tag);
    }
    response
}

/// Whether a list of entity tags holds this one.
fn names(list: &HeaderValue, tag: &str) -> bool {
    let tags = list.to_str().unwrap_or_default().split(',');
    tags.map(str::trim)
        .any(|own| own == "*" || own.trim_start_matches("W/") == tag)
}

fn body(file: EmbeddedFile) -> Response {
    let kind = match file.metadata.mimetype() {
        // Without it a browser guesses at the bytes of names that are not ASCII.
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    };
    ([(header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::answer;

    #[test]
    fn a_file_has_its_kind_and_is_sent_once() {
        let first = answer("app.js", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let kind = first.headers()[header::CONTENT_TYPE].to_str();
        assert_eq!(kind.expect("text"), "text/javascript; charset=utf-8");
        let tag = first.headers()[header::ETAG].clone();
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        assert_eq!(answer("app.js", &asked).status(), StatusCode::NOT_MODIFIED);
        let other = HeaderValue::from_static("\"other\", W/\"more\"");
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, other)]);
        assert_eq!(answer("app.js", &asked).status(), StatusCode::OK);
    }

    #[test]
    fn only_files_of_the_page_are_had() {
        for name in [
            "",
            "/",
            "none.js",
            "../Cargo.toml",
            "/etc/passwd",
            "vendor",
            "..\\Cargo.toml",
        ] {
            let status = answer(name, &HeaderMap::new()).status();
            assert_eq!(status, StatusCode::NOT_FOUND, "{name:?}");
        }
    }

    /// The service's policy lets a browser run nothing that stands in the page itself.
    #[test]
    fn the_page_holds_no_script_and_no_style_of_its_own() {
        let page = super::Files::get(super::INDEX).expect("the page");
        let text = String::from_utf8_lossy(&page.data).to_ascii_lowercase();
        for inline in [
            "<style",
            " style=",
            " onclick=",
            " onload=",
            "javascript:",
            "http:",
            "https:",
        ] {
            assert!(!text.contains(inline), "the page holds {inline:?}");
        }
        for part in text.split("<script").skip(1) {
            assert!(
                part.trim_start().starts_with("src=") || part.contains(" src="),
                "{part}"
            );
        }
    }
}
