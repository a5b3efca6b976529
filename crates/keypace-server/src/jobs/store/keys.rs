//! API keys and the signing secret, in the same database as jobs. A key's secret is kept as a hash alone.

use chrono::Utc;

use crate::access::{Caller, KeyAnswer, KeyId, KeyRow, KeyStore, NewKey, Scope, hash_of};
use crate::jobs::store::link::{Link, execute, rows};
use crate::jobs::store::rows as sql;
use crate::jobs::store::sql::{SqlStore, one};
use crate::limits;
use crate::sql::StoreError;

impl SqlStore {
    async fn added(&self, scope: Scope, owner: Option<&str>) -> Result<NewKey, StoreError> {
        match owner {
            None if scope == Scope::Owner => {
                return Err(StoreError::invalid(
                    "a key of the scope owner stands for one: say whom, by --owner-file FILE or --owner -",
                ));
            }
            Some(owner) if owner.is_empty() || owner.len() > limits::MAX_KEY_OWNER_BYTES => {
                return Err(StoreError::invalid("an owner has 1 to 512 bytes"));
            }
            _ => {}
        }
        let key = NewKey::make()?;
        let most = i64::try_from(limits::MAX_KEYS).unwrap_or(i64::MAX);
        let mut link = self.pool.writing().await?;
        let added = execute!(
            &mut link,
            sql::ADD_KEY,
            key.id.as_str(),
            hash_of(&key.secret),
            scope.as_str(),
            owner,
            Utc::now().timestamp_micros(),
            most,
        )?;
        link.commit().await?;
        if added == 0 {
            return Err(StoreError::invalid(
                "there are 1000 keys, which is as many as may be; revoke one: --revoke-key ID",
            ));
        }
        Ok(key)
    }
}

impl KeyStore for SqlStore {
    fn find<'a>(&'a self, hash: &'a str) -> KeyAnswer<'a, Option<Caller>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let found = rows!(sql::caller_of, &mut link, sql::FIND_KEY, hash)?;
            Ok(found.into_iter().next())
        })
    }

    fn add<'a>(&'a self, scope: Scope, owner: Option<&'a str>) -> KeyAnswer<'a, NewKey> {
        Box::pin(self.added(scope, owner))
    }

    fn revoke<'a>(&'a self, key: &'a KeyId) -> KeyAnswer<'a, bool> {
        Box::pin(async move {
            let mut link = self.pool.writing().await?;
            let revoked = execute!(&mut link, sql::REVOKE_KEY, key.as_str())?;
            link.commit().await?;
            Ok(revoked > 0)
        })
    }

    fn list(&self) -> KeyAnswer<'_, Vec<KeyRow>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            rows!(sql::key_row_of, &mut link, sql::KEYS)
        })
    }

    fn any(&self) -> KeyAnswer<'_, bool> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let keys = one(rows!(sql::number_of, &mut link, sql::COUNT_KEYS)?)?;
            Ok(keys > 0)
        })
    }

    fn secret(&self) -> KeyAnswer<'_, [u8; 32]> {
        Box::pin(async move {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(StoreError::internal)?;
            let mut link = self.pool.writing().await?;
            execute!(&mut link, sql::KEEP_SECRET, fresh.as_slice())?;
            let kept = one(rows!(sql::bytes_of, &mut link, sql::SECRET)?)?;
            link.commit().await?;
            kept.try_into()
                .map_err(|_| StoreError::internal("the signing secret has not 32 bytes"))
        })
    }
}
