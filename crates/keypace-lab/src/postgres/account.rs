//! The user that a PostgreSQL runs as: ourselves, or somebody else where we are root.
//! Must not make users, and gives away nothing but the folder that it is asked about.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{LabError, LabErrorKind};
use crate::launch;

/// Who it may be, in this order: the user that Debian's package makes, then the one that every system has.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// User and group that another process gets; nothing where it gets our own.
#[derive(Debug)]
pub(super) struct Account {
    other: Option<(u32, u32)>,
}

impl Account {
    /// Who will work in this new folder of ours, which is given to them.
    pub(super) fn for_folder(folder: &Path) -> Result<Self, LabError> {
        let owner = fs::metadata(folder)
            .map_err(|error| launch::system("look at a folder for a PostgreSQL", error))?
            .uid();
        if owner != 0 {
            return Ok(Self { other: None });
        }
        let users = fs::read_to_string("/etc/passwd")
            .map_err(|error| launch::system("read the list of users", error))?;
        let Some((user, group)) = CANDIDATES.iter().find_map(|name| ids(&users, name)) else {
            return Err(
                LabError::new(LabErrorKind::System, "find a user to run PostgreSQL as")
                    .because("root may not, and there is neither `postgres` nor `nobody`"),
            );
        };
        std::os::unix::fs::chown(folder, Some(user), Some(group))
            .map_err(|error| launch::system("give a folder to PostgreSQL's user", error))?;
        Ok(Self {
            other: Some((user, group)),
        })
    }

    pub(super) fn run_as<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }
}

/// User and group of this name in the text of a passwd file.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((user, group))
    })
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:1:2::/:\npostgres:x:101:104:x,,,:/var:/bin/bash\n";
        assert_eq!(ids(users, "postgres"), Some((101, 104)));
        assert_eq!(ids(users, "nobody"), None);
        assert_eq!(ids("postgres:x:what:1", "postgres"), None);
    }
}
