//! The safety valve: KEYS in place of SCAN. Blocks every client of the server, warns about it, and is refused on
//! large databases.

use super::options::{ScanOptions, Strategy};
use super::types;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern};
use crate::limits;
use crate::port::{Class, Connection, Reply};

/// Every key that matches, unsorted. Not cancel-safe; it changes nothing and can be asked again.
pub(super) async fn keys(
    connection: &mut Connection,
    options: &ScanOptions,
    matching: Option<&Pattern>,
) -> Result<Vec<Key>> {
    tracing::warn!(
        node = %connection.node(),
        "KEYS blocks every client of the server and is deprecated: leave --use-keys (use_scan = false) out to walk with SCAN"
    );
    if options.strategy != Strategy::KeysAnySize {
        refuse_large(connection).await?;
    }
    let pattern: &[u8] = matching.map_or(b"*", Pattern::as_bytes);
    // keypace:allow keys-command this is the safety valve itself: --use-keys asks for it
    let reply = connection
        .call("KEYS", Class::Blocking, [b"KEYS", pattern].into_iter())
        .await?;
    let Reply::Array(names) = reply else {
        return Err(connection.unexpected("KEYS"));
    };
    let mut keys = Vec::with_capacity(names.len());
    for name in names {
        let Reply::Bulk(name) = name else {
            return Err(connection.unexpected("KEYS"));
        };
        keys.push(Key::new(name));
    }
    if !options.types.is_empty() {
        keys = of_types(connection, keys, &options.types).await?;
    }
    Ok(keys)
}

async fn refuse_large(connection: &mut Connection) -> Result<()> {
    let Reply::Int(size) = connection
        .call("DBSIZE", Class::Read, ["DBSIZE"].iter())
        .await?
    else {
        return Err(connection.unexpected("DBSIZE"));
    };
    let max = limits::MAX_KEYS_STRATEGY_KEYS;
    if u64::try_from(size).unwrap_or(0) <= max {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Guard,
        Retry::Never,
        "run KEYS",
        format!(
            "the database holds {size} keys, more than {max}: every client would wait for seconds"
        ),
    )
    .on_node(connection.node())
    .with_hint("leave --use-keys out to walk with SCAN, or add --i-know"))
}

async fn of_types(
    connection: &mut Connection,
    keys: Vec<Key>,
    wanted: &[String],
) -> Result<Vec<Key>> {
    let mut kept = Vec::new();
    for chunk in keys.chunks(limits::PAGE_KEYS) {
        for key in chunk {
            types::ask(connection, key.as_bytes());
        }
        connection.flush().await?;
        for key in chunk {
            if types::answer(connection, wanted).await? {
                kept.push(key.clone());
            }
        }
    }
    Ok(kept)
}
