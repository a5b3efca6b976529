//! What was typed for `keypace index`, as the library's options: the namespace, the owner key file, the old layout, the walk.
//! Talks to no server; reads the files that were named.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use keypace::{
    Error, ErrorKind, Namespace, OldLayout, Order, Owner, OwnerKeys, Pattern, ScanOptions,
    SweepOptions,
};

use super::Settings;
use super::select::{bytes_of, options_of, unusable};
use super::surroundings::Surroundings;
use crate::args::{Filter, IndexOf, IndexOld, IndexOwner, Resume};
use crate::exit::{Exit, Halt, io_halt};

/// No owner is longer, and a file that goes on is another one.
const MAX_OWNER_FILE_BYTES: u64 = 4096;
/// What callers test for.
const NO_OWNER: &str =
    "Owner filter (--owner) is required for listing; unscoped listing is prohibited.";

/// The namespace that was typed, checked.
pub(crate) fn namespace(of: &IndexOf) -> Result<Namespace, Halt> {
    Namespace::new(&of.namespace).map_err(unusable)
}

/// Where its owner keys are.
pub(crate) fn keys_path(of: &IndexOf, around: &Surroundings) -> Result<PathBuf, Halt> {
    if let Some(path) = of.keys.as_ref().or(around.owner_keys.as_ref()) {
        return Ok(path.clone());
    }
    let folder = around.config_file.as_deref().and_then(Path::parent);
    let folder = folder.ok_or_else(|| {
        Halt::usage("find the owner keys: there is no configuration folder")
            .with_hint("name the file with --keys")
    })?;
    Ok(folder
        .join("owner-keys")
        .join(format!("{}.json", of.namespace)))
}

/// The owner keys in that file; none where there is no file.
pub(crate) fn owner_keys(path: &Path) -> Result<Option<OwnerKeys>, Halt> {
    match OwnerKeys::load(path) {
        Ok(keys) => Ok(Some(keys)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Halt {
            // Whatever is wrong with it, nothing is listed by other keys.
            exit: Exit::Refused,
            ..unusable(error)
        }),
    }
}

fn is_absent(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    error.kind() == ErrorKind::Io
        && cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// Whose records are meant.
pub(crate) fn owner(typed: &IndexOwner, action: &str) -> Result<Owner, Halt> {
    let bytes = match (&typed.owner, &typed.owner_file) {
        (Some(owner), _) => bytes_of(owner)?,
        (None, Some(path)) => owner_of_file(path)?,
        (None, None) => {
            return Err(Halt::new(Exit::Refused, format!("{action}: {NO_OWNER}"))
                .with_hint("--owner-file FILE keeps the owner out of the command line"));
        }
    };
    if bytes.is_empty() {
        return Err(Halt::new(Exit::Refused, format!("{action}: {NO_OWNER}"))
            .with_hint("the owner that was given is empty"));
    }
    Owner::new(bytes).map_err(unusable)
}

/// What was given for an owner, as bytes; none where nobody was named.
pub(super) fn owner_bytes(typed: &IndexOwner) -> Result<Vec<u8>, Halt> {
    match (&typed.owner, &typed.owner_file) {
        (Some(owner), _) => bytes_of(owner),
        (None, Some(path)) => owner_of_file(path),
        (None, None) => Ok(Vec::new()),
    }
}

fn owner_of_file(path: &Path) -> Result<Vec<u8>, Halt> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == OsStr::new("-") {
        (std::io::stdin().lock().take(MAX_OWNER_FILE_BYTES)).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_OWNER_FILE_BYTES).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        let what = format!("read the owner from {}", path.display());
        io_halt(Exit::Usage, what, &error)
    })?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    Ok(bytes)
}

/// Where the old records are, where anything was said of that.
pub(crate) fn old_layout(
    namespace: &Namespace,
    typed: &IndexOld,
) -> Result<Option<OldLayout>, Halt> {
    let IndexOld {
        old_prefix,
        owner_field,
        created_field,
        updated_field,
    } = typed;
    let fields = [owner_field, created_field, updated_field];
    if old_prefix.is_none() && fields.iter().all(|field| field.is_none()) {
        return Ok(None);
    }
    let mut old = OldLayout::of(namespace);
    if let Some(prefix) = old_prefix {
        old = old.with_prefix(bytes_of(prefix)?).map_err(unusable)?;
    }
    if let Some(field) = owner_field {
        old = old.with_owner_field(field).map_err(unusable)?;
    }
    if let Some(field) = created_field {
        old = old.with_created_field(field).map_err(unusable)?;
    }
    if let Some(field) = updated_field {
        old = old.with_updated_field(field).map_err(unusable)?;
    }
    Ok(Some(old))
}

/// How the servers are walked. The library knows by which patterns.
pub(crate) fn index_walk(settings: &Settings, resume: &Resume) -> Result<SweepOptions, Halt> {
    if settings.uses_keys() {
        return Err(Halt::usage(
            "start: --use-keys holds every client up, and an index is walked by SCAN",
        )
        .with_hint("leave it out"));
    }
    let all = ScanOptions::new(vec![Pattern::prefix(b"")]).map_err(unusable)?;
    options_of(settings, all, &Filter::default(), resume, Order::AsFound)
}

#[cfg(test)]
mod tests {
    use super::{keys_path, old_layout, owner};
    use crate::args::{IndexOf, IndexOld, IndexOwner};
    use crate::exit::Exit;
    use crate::settings::surroundings::Surroundings;
    use keypace::Namespace;
    use std::path::{Path, PathBuf};

    fn of(keys: Option<&str>) -> IndexOf {
        IndexOf {
            namespace: "session".to_owned(),
            keys: keys.map(PathBuf::from),
        }
    }

    #[test]
    fn the_key_file_is_the_one_that_was_named_first() {
        let mut around = Surroundings::nothing();
        assert_eq!(
            keys_path(&of(None), &around).err().map(|halt| halt.exit),
            Some(Exit::Usage)
        );
        around.config_file = Some(PathBuf::from("/c/keypace/config.toml"));
        let path = |keys: Option<&str>, around: &Surroundings| {
            keys_path(&of(keys), around).unwrap_or_else(|halt| panic!("{}", halt.text))
        };
        assert_eq!(
            path(None, &around),
            Path::new("/c/keypace/owner-keys/session.json")
        );
        around.owner_keys = Some(PathBuf::from("/e"));
        assert_eq!(path(None, &around), Path::new("/e"));
        assert_eq!(path(Some("/f"), &around), Path::new("/f"));
    }

    #[test]
    fn without_an_owner_nothing_is_listed() {
        for typed in [
            IndexOwner::default(),
            IndexOwner {
                owner: Some("".into()),
                ..IndexOwner::default()
            },
        ] {
            let Err(halt) = owner(&typed, "list") else {
                panic!("not refused: {typed:?}");
            };
            assert_eq!(halt.exit, Exit::Refused);
            assert!(halt.text.contains(super::NO_OWNER), "{}", halt.text);
        }
    }

    #[test]
    fn an_old_layout_is_named_by_any_of_its_flags() {
        let namespace = Namespace::new("session").expect("valid");
        let typed = IndexOld::default();
        assert!(matches!(old_layout(&namespace, &typed), Ok(None)));
        let typed = IndexOld {
            owner_field: Some("user".to_owned()),
            ..typed
        };
        let old = old_layout(&namespace, &typed).ok().flatten().expect("one");
        assert_eq!(
            (old.prefix(), old.owner_field()),
            (&b"session:"[..], "user")
        );
    }
}
