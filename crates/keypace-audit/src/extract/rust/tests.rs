//! What is read of Rust.
//! Must not know Redis.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops, texts};
use crate::language::Language::Rust;

#[test]
fn uses_are_flattened() {
    let text = "\
use redis::{AsyncCommands, Client as C, aio::{self, ConnectionManager}};
use fred::prelude::*;
use redis;
extern crate redis as r;
";
    assert_eq!(
        imports(Rust, text),
        [
            "redis: AsyncCommands=AsyncCommands, Client=C",
            "redis::aio: *=aio, ConnectionManager=ConnectionManager",
            "fred::prelude",
            "redis: *=redis",
            "redis: *=r",
        ]
    );
}

#[test]
fn waiting_unwrapping_and_borrowing_are_looked_through() {
    let text = r#"
async fn all(con: &mut redis::Connection) -> Result<()> {
    let keys: Vec<String> = self.con.keys("user:*").await?;
    let keys = con.clone().keys::<_, Vec<String>>(format!("user:{}:{id}*", id)).unwrap();
    let (cursor, page): (u64, Vec<String>) = redis::cmd("SCAN").arg(0).query(&mut con)?;
    let _: () = con.del(&keys)?;
    let Ok(value) = con.get("x") else { return Ok(()) };
    let keys = match con.keys("*") {
        Ok(keys) => keys,
        Err(error) => return Err(error),
    };
    con.flushdb()?;
    if quick { Vec::<u8>::new() } else { con.keys("b*").await.map_err(Error::from) }
}
"#;
    assert_eq!(
        calls(Rust, text),
        [
            "self.con.keys(\"user:*\") -> bound keys in all",
            "con.keys(\"user:{}:{}*\") -> bound keys in all",
            "redis.cmd(\"SCAN\") -> receiver of arg in all",
            "cmd().arg(0) -> receiver of query in all",
            "arg().query(con) -> bound cursor, page in all",
            "con.del(keys) -> bound  in all",
            "con.get(\"x\") -> bound value in all",
            "Ok(...) -> returned in all",
            "con.keys(\"*\") -> bound keys in all",
            "Err(error) -> returned in all",
            "con.flushdb() -> discarded in all",
            "Vec.new() -> returned in all",
            "con.keys(\"b*\") -> returned in all",
        ]
    );
}

#[test]
fn loops_and_closures() {
    let text = r#"
fn f() {
    for (i, key) in keys.iter().enumerate() { con.get(key); }
    while let Some(key) = iter.next() { con.get(key)?; }
    while cursor != 0 {}
    loop { break; }
    keys.iter().map(|key| con.get(key)).collect::<Vec<_>>();
}
"#;
    assert_eq!(
        loops(Rust, text),
        [
            "each i, key of enumerate()",
            "while [iter]",
            "while [cursor]",
            "while",
            "callback key of iter() by map",
        ]
    );
}

#[test]
fn types_have_fields_and_tests_have_marks() {
    let text = "\
struct Store<T> { con: redis::aio::MultiplexedConnection, client: Option<Client> }
impl<T> Cache for Store<T> {
    #[tracing::instrument(skip(self))]
    fn get(&self, key: &str, (a, b): (u8, u8)) -> Option<String> { None }
}
#[cfg(test)]
mod tests {
    /// Reads.
    #[test]
    fn reads() { let store = Store { con, client: None }; store.con = con; }
}
";
    assert_eq!(
        classes(Rust, text),
        [
            "Store() con: redis::aio::MultiplexedConnection, client: Option<Client>",
            "Store(Cache)",
        ]
    );
    assert_eq!(
        functions(Rust, text),
        [
            "get(key: &str, a: (u8, u8)) -> Option<String> #tracing::instrument of Store",
            "reads() #test #test",
        ]
    );
    assert_eq!(bindings(Rust, text), ["store = Store()", "store.con = con"]);
    assert_eq!(
        calls(Rust, text),
        ["new Store(con=con, client=None) -> bound store in reads"]
    );
}

#[test]
fn macros_are_looked_through() {
    let text = r#"
fn f() {
    assert_eq!(con.keys("a*"), vec!["a", b]);
    let args = vec!["KEYS", pattern];
    let all = vec![con.get("x"), y];
}
"#;
    assert_eq!(
        calls(Rust, text),
        [
            "con.keys(\"a*\") -> other in f",
            "con.get(\"x\") -> other in f"
        ]
    );
    assert_eq!(
        bindings(Rust, text),
        ["args = [\"KEYS\", pattern]", "all = ..."]
    );
}

#[test]
fn texts_are_read_as_the_program_sees_them() {
    let text = "const S: &str = r#\"redis.call(\"KEYS\")\"#;\nconst T: &str = \"redis\\n \\\n    .call\";\n";
    assert_eq!(
        texts(Rust, text),
        [
            "19..37 \"redis.call(\\\"KEYS\\\")\"",
            "58..77 \"redis\\n .call\""
        ]
    );
}
