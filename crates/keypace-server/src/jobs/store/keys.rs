//! API keys and the signing secret, in the same database as jobs. A key's secret is kept as a hash alone, and its owner closed
//! with that secret.

use chrono::Utc;

use crate::access::{
    Caller, KeyAnswer, KeyId, KeyRow, KeyStore, NewKey, Scope, hash_of, open, seal,
};
use crate::jobs::store::link::{Link, execute, rows};
use crate::jobs::store::rows::{self as sql, KeptKey};
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
        let sealed = owner.map(|owner| seal(&key.secret, owner)).transpose()?;
        let most = i64::try_from(limits::MAX_KEYS).unwrap_or(i64::MAX);
        let mut link = self.pool.writing().await?;
        let added = execute!(
            &mut link,
            sql::ADD_KEY,
            key.id.as_str(),
            hash_of(&key.secret),
            scope.as_str(),
            sealed,
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
    fn find<'a>(&'a self, secret: &'a str) -> KeyAnswer<'a, Option<Caller>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let found = rows!(sql::key_of, &mut link, sql::FIND_KEY, hash_of(secret))?;
            let caller = |key: KeptKey| {
                let owner = key.owner.map(|sealed| open(secret, &sealed));
                Ok(Caller {
                    key: key.id,
                    scope: key.scope,
                    owner: owner.transpose()?,
                })
            };
            found.into_iter().next().map(caller).transpose()
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

    fn holds<'a>(&'a self, key: &'a KeyId) -> KeyAnswer<'a, bool> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let keys = one(rows!(
                sql::number_of,
                &mut link,
                sql::HAS_KEY,
                key.as_str()
            )?)?;
            Ok(keys > 0)
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

#[cfg(test)]
mod tests {
    use crate::access::{KeyId, KeyStore, NewKey, Scope, hash_of};
    use crate::jobs::store::SqlStore;
    use crate::jobs::store::tests::{Clock, connected, postgres, sqlite};
    use crate::sql::StoreErrorKind;

    async fn check(keys: &dyn KeyStore, other: &dyn KeyStore) {
        assert!(!keys.any().await.expect("done"));
        assert!(keys.add(Scope::Owner, None).await.is_err(), "whose?");
        let long = "x".repeat(513);
        let refused = keys
            .add(Scope::Owner, Some(&long))
            .await
            .expect_err("refused");
        assert_eq!(refused.kind(), StoreErrorKind::Invalid);
        let owner = keys
            .add(Scope::Owner, Some("somebody"))
            .await
            .expect("a key");
        let admin = keys.add(Scope::Admin, None).await.expect("a key");
        let found = other
            .find(&owner.secret)
            .await
            .expect("done")
            .expect("there");
        assert_eq!((&found.key, found.scope), (&owner.id, Scope::Owner));
        assert_eq!(found.owner.as_deref(), Some("somebody"));
        let hash = hash_of(&owner.secret);
        assert_eq!(other.find(&hash).await.expect("done"), None);
        let rows = other.list().await.expect("done");
        let listed: Vec<_> = rows.iter().map(|row| (&row.id, row.has_owner)).collect();
        assert_eq!(listed.len(), 2);
        assert!(listed.contains(&(&owner.id, true)) && listed.contains(&(&admin.id, false)));
        assert!(other.any().await.expect("done"));
        assert!(other.holds(&owner.id).await.expect("done"));
        assert!(keys.revoke(&owner.id).await.expect("done"));
        assert!(!other.holds(&owner.id).await.expect("done"));
        assert!(!keys.revoke(&owner.id).await.expect("done"));
        assert!(!keys.revoke(&KeyId::keyless()).await.expect("done"));
        assert_eq!(other.find(&owner.secret).await.expect("done"), None);
        let secrets = tokio::join!(keys.secret(), other.secret());
        let secret = secrets.0.expect("a secret");
        assert_eq!(secret, secrets.1.expect("a secret"), "one for all");
        assert_ne!(secret, [0; 32]);
    }

    #[tokio::test]
    async fn keys_in_sqlite_are_found_by_their_hash_until_they_are_revoked() {
        let (keys, folder) = sqlite(&Clock::default()).await;
        let path = folder.path().join("jobs.db");
        let other = SqlStore::open_sqlite(&path).await.expect("opened");
        check(&keys, &other).await;
        let made = KeyStore::add(&keys, Scope::Admin, Some("an owner's own key")).await;
        let NewKey { secret, .. } = made.expect("a key");
        for entry in std::fs::read_dir(folder.path()).expect("a folder") {
            let bytes = std::fs::read(entry.expect("a file").path()).expect("its bytes");
            for hidden in [secret.as_bytes(), b"an owner's own key"] {
                let holds = bytes.windows(hidden.len()).any(|part| part == hidden);
                assert!(!holds, "neither a secret nor an owner stands in a file");
            }
        }
    }

    #[tokio::test]
    async fn keys_in_postgres_are_found_by_their_hash_until_they_are_revoked() {
        let Some(postgres) = postgres() else { return };
        let clock = Clock::default();
        let (keys, other) = (
            connected(&postgres, &clock).await,
            connected(&postgres, &clock).await,
        );
        check(&keys, &other).await;
    }
}
