//! Where the password comes from. Never prints one, and keeps none.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use super::layers::{Merged, Origin};
use super::surroundings::Surroundings;
use super::urls;
use crate::exit::{Exit, Halt, io_halt};

/// A password file is a line; whatever is longer is another file, named by mistake.
const MAX_PASSWORD_BYTES: u64 = 64 * 1024;

/// What `--password-file -` stands for.
pub(crate) const STDIN: &str = "-";

/// The part of a URL between `://` and `@`, where it has one.
pub(crate) fn user_info(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(info, _)| info)
}

/// The parameters of a URL that hold a password.
const SECRET_PARAMETERS: [&str; 2] = ["password", "pass"];
/// The parameter of a URL that holds a user.
const USER_PARAMETER: &str = "user";

/// What a URL says of user and password, to be compared with another's; empty where it says nothing.
pub(super) fn login(url: &str) -> Vec<&str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| {
        let name = name_of(pair);
        name == USER_PARAMETER || SECRET_PARAMETERS.contains(&name)
    });
    user_info(url).into_iter().chain(pairs).collect()
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

/// URLs as they were typed, without the passwords in them, for texts that show them.
pub(crate) fn without_passwords(typed: &str) -> String {
    let urls: Vec<String> = urls::split(typed)
        .into_iter()
        .map(without_password)
        .collect();
    urls.join(",")
}

fn without_password(url: &str) -> String {
    let url = without_login_password(url);
    let Some((place, query)) = url.split_once('?') else {
        return url;
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !SECRET_PARAMETERS.contains(&name_of(pair)))
        .collect();
    if kept.is_empty() {
        place.to_owned()
    } else {
        format!("{place}?{}", kept.join("&"))
    }
}

fn without_login_password(url: &str) -> String {
    match user_info(url) {
        Some(info) if info.contains(':') => {
            let user = info.split(':').next().unwrap_or_default();
            let kept = if user.is_empty() {
                String::new()
            } else {
                format!("{user}@")
            };
            url.replacen(&format!("{info}@"), &kept, 1)
        }
        _ => url.to_owned(),
    }
}

/// The password that overrides the URL's own, if any does. Sources rank as everywhere: flags over
/// environment over file; within one, a password of its own over the URL's.
pub(crate) fn password(
    merged: &Merged,
    around: &Surroundings,
    url_has_one: bool,
) -> Result<Option<String>, Halt> {
    let file = merged.values.password_file.as_deref();
    let file_from = merged.origin("password_file");
    let url_from = url_has_one.then(|| merged.origin("url"));
    if let (Some(path), Origin::Flag) = (file, file_from) {
        return read(path).map(Some);
    }
    if url_from == Some(Origin::Flag) {
        return Ok(None);
    }
    if let Some(password) = &around.password {
        return Ok(Some(password.clone()));
    }
    if url_from == Some(Origin::Environment) {
        return Ok(None);
    }
    file.map(read).transpose()
}

/// The password that Sentinels ask for, if there is one: the environment over the file.
pub(crate) fn sentinel_password(
    merged: &Merged,
    around: &Surroundings,
) -> Result<Option<String>, Halt> {
    match &around.sentinel_password {
        Some(password) => Ok(Some(password.clone())),
        None => (merged.values.sentinel_password_file.as_deref())
            .map(read)
            .transpose(),
    }
}

/// The first line of the file, or of stdin; typed unseen where that is a terminal.
fn read(path: &Path) -> Result<String, Halt> {
    let failed = |error: &std::io::Error| {
        io_halt(
            Exit::Usage,
            format!("read the password from {}", path.display()),
            error,
        )
    };
    let mut line = String::new();
    if path.as_os_str() == STDIN {
        if std::io::stdin().is_terminal() {
            let terminal = console::Term::stderr();
            terminal
                .write_str("password: ")
                .map_err(|error| failed(&error))?;
            line = terminal
                .read_secure_line()
                .map_err(|error| failed(&error))?;
        } else {
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map_err(|error| failed(&error))?;
        }
    } else {
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        std::io::BufReader::new(file.take(MAX_PASSWORD_BYTES))
            .read_line(&mut line)
            .map_err(|error| failed(&error))?;
    }
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Halt::usage(format!(
            "read the password from {}: its first line is empty",
            path.display()
        )));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{user_info, without_passwords};

    #[test]
    fn a_password_is_taken_out_of_a_url_and_nothing_else() {
        for (url, expected) in [
            ("redis://:secret@host:1/0", "redis://host:1/0"),
            ("redis://amy:secret@host", "redis://amy@host"),
            ("redis://amy:se@cret@host", "redis://amy@host"),
            ("redis://amy@host", "redis://amy@host"),
            ("redis://host:6379", "redis://host:6379"),
            ("unix:///tmp/a@b:c", "unix:///tmp/a@b:c"),
            ("nonsense", "nonsense"),
            ("unix:///s?db=1&password=secret", "unix:///s?db=1"),
            ("redis://h?pass=secret", "redis://h"),
            (
                "redis://:secret@a:1, redis://amy:secret@b",
                "redis://a:1,redis://amy@b",
            ),
            (
                "redis-sentinel://amy:secret@a:1,b:2/name",
                "redis-sentinel://amy@a:1,b:2/name",
            ),
        ] {
            assert_eq!(without_passwords(url), expected, "{url}");
        }
        assert_eq!(user_info("redis://a:b@c"), Some("a:b"));
    }
}
