//! What a key allows. Decides nothing about routes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The own sessions, nothing else.
    Owner,
    /// Reads, counts and dry runs.
    Operator,
    /// All.
    Admin,
}

impl Scope {
    /// Whether a key of this scope is enough where `least` is asked for. An operator has no sessions, and an owner nothing
    /// else.
    #[must_use]
    pub fn allows(self, least: Self) -> bool {
        self == least || (self == Self::Admin && least == Self::Operator)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are three scopes: owner, operator, admin")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        match text {
            "owner" => Ok(Self::Owner),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownScope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scope::{self, Admin, Operator, Owner};

    #[test]
    fn an_owner_has_nothing_else_and_nobody_else_is_one() {
        let allowed = [
            (Owner, Owner),
            (Operator, Operator),
            (Admin, Admin),
            (Admin, Operator),
        ];
        for scope in [Owner, Operator, Admin] {
            assert_eq!(scope.to_string().parse::<Scope>(), Ok(scope));
            for least in [Owner, Operator, Admin] {
                assert_eq!(
                    scope.allows(least),
                    allowed.contains(&(scope, least)),
                    "{scope} {least}"
                );
            }
        }
        assert!("Admin".parse::<Scope>().is_err());
    }
}
