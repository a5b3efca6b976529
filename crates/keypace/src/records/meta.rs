//! What is kept of a namespace as a whole: its layout, and which owner key it was made with. Pure, but for reading it.

use std::collections::BTreeMap;

use super::calls;
use super::names::Namespace;
use super::owner_keys::OwnerKeys;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::port::{Reply, Router};

const OPERATION: &str = "open the namespace";
/// The layout that this version reads and writes.
const LAYOUT: &str = "1";
/// The state of a namespace that was not made out of an older layout.
pub(crate) const NATIVE: &str = "native";

/// The fields of a namespace's meta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    /// All of them, as text.
    pub(crate) fields: BTreeMap<String, String>,
}

impl Meta {
    /// Reads it; `None` where the namespace has none. With a state it is begun in that, where it has none, for these keys.
    pub(crate) async fn read(
        router: &Router,
        namespace: &Namespace,
        keys: Option<(&OwnerKeys, &str)>,
    ) -> Result<Option<Self>> {
        let call = match keys {
            Some((keys, state)) => {
                calls::open(namespace, &keys.fingerprint(), keys.version(), state)
            }
            None => calls::open(namespace, "", 0, ""),
        };
        let reply = router
            .call(call)
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::WrongType => no_meta(namespace),
                _ => error.during(OPERATION),
            })?;
        let Reply::Array(parts) = reply else {
            return Err(router.unexpected(Slot::of(&namespace.meta()), "EVALSHA"));
        };
        let text = |reply: &Reply| match reply {
            Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let pairs = parts.chunks_exact(2);
        let fields: BTreeMap<_, _> = pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        Ok((!fields.is_empty()).then_some(Self { fields }))
    }

    /// A field's text, empty where it is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The version of the owner key that owners have where no seal says otherwise.
    pub(crate) fn key_version(&self) -> u32 {
        self.field("key_version").parse().unwrap_or(0)
    }

    /// The version that owners are moved from, while a rotation is under way.
    pub(crate) fn rekeying_from(&self) -> Option<u32> {
        self.field("rekeying_from").parse().ok()
    }

    /// Whether these keys are the namespace's. Gives the key version to use.
    pub(crate) fn admit(&self, namespace: &Namespace, keys: &OwnerKeys) -> Result<u32> {
        let refused = |kind, context: String, hint: String| {
            Err(Error::new(kind, Retry::Never, OPERATION, context).with_hint(hint))
        };
        let layout = self.field("layout");
        if layout != LAYOUT {
            let context = format!("`{namespace}` has the layout `{layout}`");
            let hint = format!("this version of keypace reads and writes layout {LAYOUT}");
            return refused(ErrorKind::Unsupported, context, hint);
        }
        let version = self.key_version();
        let given = match keys.path() {
            Some(path) => format!("`{}`", path.display()),
            None => "the owner key that was given".to_owned(),
        };
        let hint = "with another key every owner's list would be empty: copy the key file from where the namespace was made";
        match keys.fingerprint_of(version) {
            Some(fingerprint) if version > 0 && fingerprint == self.field("fingerprint") => {
                Ok(version)
            }
            Some(fingerprint) if version > 0 => {
                let made = self.field("fingerprint");
                let context = format!(
                    "{given} has the fingerprint {fingerprint}, and `{namespace}` was made with {made}"
                );
                refused(ErrorKind::Guard, context, hint.to_owned())
            }
            _ => {
                let has = keys.version();
                let context = format!(
                    "{given} ends with version {has}, and `{namespace}` is at version {version}"
                );
                let hint = format!(
                    "the key file is out of date: {hint}, or from where `keypace index rekey` ran"
                );
                refused(ErrorKind::Guard, context, hint)
            }
        }
    }
}

/// Something else stands at its key.
fn no_meta(namespace: &Namespace) -> Error {
    let key = String::from_utf8_lossy(&namespace.meta()).into_owned();
    let context = format!("`{key}` is no hash");
    Error::new(ErrorKind::Guard, Retry::Never, OPERATION, context)
        .with_hint("something else uses this key: choose another namespace, or remove it")
}

/// Refuses keys of a file that names another namespace.
pub(super) fn check_named(namespace: &Namespace, keys: &OwnerKeys) -> Result<()> {
    match keys.namespace() {
        Some(named) if named != namespace => {
            let context = format!("the key file is that of `{named}`, not of `{namespace}`");
            Err(
                Error::new(ErrorKind::Guard, Retry::Never, OPERATION, context)
                    .with_hint("name the key file of this namespace"),
            )
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Meta;
    use crate::error::ErrorKind;
    use crate::records::{Namespace, OwnerKeys};

    fn meta(version: &str, fingerprint: &str) -> Meta {
        let fields = [
            ("layout", "1"),
            ("key_version", version),
            ("fingerprint", fingerprint),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Meta {
            fields: fields.into(),
        }
    }

    #[test]
    fn only_the_keys_that_made_a_namespace_open_it() {
        let namespace = Namespace::new("session").expect("allowed");
        let keys = |bytes: &[u8]| {
            let keys = bytes.iter().map(|byte| [*byte; 32]).collect();
            OwnerKeys::from_keys(keys).expect("keys")
        };
        let first = meta("1", &keys(&[1]).fingerprint());
        let second = meta("2", &keys(&[1, 2]).fingerprint());
        assert_eq!(first.admit(&namespace, &keys(&[1])).ok(), Some(1));
        assert_eq!(
            first.admit(&namespace, &keys(&[1, 2])).ok(),
            Some(1),
            "a rotation that goes on"
        );
        assert_eq!(second.admit(&namespace, &keys(&[1, 2])).ok(), Some(2));
        for (meta, keys) in [
            (&first, keys(&[2])),
            (&second, keys(&[1])),
            (&second, keys(&[2, 1])),
            (&meta("", ""), keys(&[1])),
            (&meta("0", &first.fields["fingerprint"]), keys(&[1])),
        ] {
            let error = meta.admit(&namespace, &keys).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Guard);
            assert!(error.hint().expect("a hint").contains("copy the key file"));
        }
        let mut newer = first;
        newer.fields.insert("layout".to_owned(), "2".to_owned());
        let error = newer.admit(&namespace, &keys(&[1])).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
