//! Whose a record is. It never shows itself: not in a log, not in an error, not in a key's name.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;

/// Whose records are meant: an API key, a user's id, any 1 to 512 bytes. On the server it stands as a keyed hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Owner(Arc<[u8]>);

impl Owner {
    /// Checks the owner.
    ///
    /// # Errors
    /// `InvalidOption` where it is empty or too long.
    pub fn new(owner: impl AsRef<[u8]>) -> Result<Self> {
        let owner = owner.as_ref();
        let max = limits::MAX_OWNER_BYTES;
        let context = match owner.len() {
            0 => "it is empty".to_owned(),
            length if length > max => {
                format!("it is {length} bytes long, at most {max} are allowed")
            }
            _ => return Ok(Self(owner.into())),
        };
        let (kind, operation) = (ErrorKind::InvalidOption, "name the owner");
        Err(
            Error::new(kind, Retry::Never, operation, context).with_hint(
                "records are read and written for one owner at a time, and never without one",
            ),
        )
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn an_owner_shows_nothing_of_itself_and_is_never_empty() {
        let owner = Owner::new("sk-secret").expect("allowed");
        assert_eq!(
            format!("{owner:?} {:?}", Some(&owner)),
            "Owner(..) Some(Owner(..))"
        );
        assert!(Owner::new("").is_err());
        assert!(Owner::new([0; 512]).is_ok());
        let error = Owner::new(vec![b'x'; 513]).expect_err("refused");
        assert!(!error.to_string().contains("xx"), "{error}");
    }
}
