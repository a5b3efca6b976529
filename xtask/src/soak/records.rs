//! Writers of records, by the library, through every fault: each has owners of its own and a model of what they have, which
//! each list is held against. Must not judge a list by anything else.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use keypace::{
    ConnectOptions, IndexOptions, IndexVerify, Keyspace, Lifetime, Namespace, Owner, OwnerKeys,
    PageRequest, PutOptions, RecordId, Records, Target,
};
use serde_json::{Value, json};

use super::chaos::Shared;
use super::draw::Draw;
use super::ledger::Invariant;
use super::model::Model;
use crate::failure::{Failure, Outcome};

const WRITERS: u64 = 2;
/// Of each writer.
const OWNERS: u64 = 3;
/// Few enough that each is written again and again.
const IDS: u64 = 60;
/// A list goes over several of these.
const PAGE_RECORDS: u32 = 25;
/// Some records go by themselves, after this at most.
const LONGEST_TTL_MS: u64 = 2_000;
/// A frozen server must not hold a writer for long, and a half-open connection neither.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A writer should not take the whole machine.
const PAUSE: Duration = Duration::from_millis(2);
/// After all faults are over everything answers; this is for a busy machine.
const LAST_TRIES: u32 = 5;

/// What the writers did.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) answered: u64,
    pub(super) unanswered: u64,
    pub(super) doubtful: u64,
    pub(super) lists: u64,
}

/// One owner, and what it has.
struct Book {
    name: String,
    owner: Owner,
    model: Model,
}

/// Writes until the soak stops, and looks at all of it again then; `stopped` is called when the writers have ended, and
/// returns when nothing befalls the cluster any more.
pub(super) fn run(shared: &Shared, seed: u64, stopped: impl FnOnce()) -> Outcome<Written> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(format!("failed to start the writers of records: {error}"))
        })?;
    let ended = runtime.block_on(async {
        let keys = OwnerKeys::generate_in_memory().map_err(failed)?;
        let first = write(shared, &keys, seed, 0);
        let second = write(shared, &keys, seed, 1);
        let (first, second) = tokio::join!(first, second);
        let (mut written, mut books) = first?;
        let (more, others) = second?;
        books.extend(others);
        written.add(&more);
        stopped();
        look_again(shared, &keys, &books).await?;
        written.doubtful = books.iter().map(|book| book.model.doubtful()).sum();
        Ok(written)
    });
    ended.inspect_err(|_| shared.stop())
}

const _: () = assert!(WRITERS == 2, "as many as are joined");

impl Written {
    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.lists += other.lists;
    }
}

fn failed(error: keypace::Error) -> Failure {
    Failure::new(format!("the library, with records: {error:?}"))
}

fn target(shared: &Shared) -> Outcome<Target> {
    let urls = shared.urls();
    let targets: Result<Vec<Target>, _> = urls.iter().map(|url| Target::parse(url)).collect();
    let mut targets = targets.map_err(failed)?.into_iter();
    let first = targets
        .next()
        .ok_or_else(|| Failure::new("the cluster has no nodes"))?;
    Ok(first.with_seeds(targets))
}

async fn connect(shared: &Shared) -> Outcome<Keyspace> {
    let map: HashMap<String, String> = shared.proxies.map().clone().into_iter().collect();
    let options = ConnectOptions::default()
        .with_timeout(TIMEOUT)
        .and_then(|options| options.with_address_map(map))
        .map_err(failed)?;
    Keyspace::connect(target(shared)?, options)
        .await
        .map_err(failed)
}

async fn open(shared: &Shared, keys: &OwnerKeys) -> Outcome<Records<Value>> {
    let keyspace = connect(shared).await?;
    Records::open(&keyspace, namespace()?, keys.clone())
        .await
        .map_err(failed)
}

/// Faults are no reason to give up, as they end.
async fn open_in_time(shared: &Shared, keys: &OwnerKeys) -> Outcome<Records<Value>> {
    let mut tries = 0;
    loop {
        tries += 1;
        match open(shared, keys).await {
            Err(failure) if tries == LAST_TRIES => return Err(failure),
            Err(_) => tokio::time::sleep(TIMEOUT).await,
            opened => return opened,
        }
    }
}

fn namespace() -> Outcome<Namespace> {
    Namespace::new("soak").map_err(failed)
}

async fn write(
    shared: &Shared,
    keys: &OwnerKeys,
    seed: u64,
    number: u64,
) -> Outcome<(Written, Vec<Book>)> {
    let mut draw = Draw::new(seed, &format!("records {number}"));
    let mut books = Vec::new();
    for owner in 0..OWNERS {
        let name = format!("owner {number}-{owner} *{{}}");
        let owner = Owner::new(&name).map_err(failed)?;
        books.push(Book {
            name,
            owner,
            model: Model::default(),
        });
    }
    let mut written = Written::default();
    let records = open_in_time(shared, keys).await?;
    while !shared.is_stopping() {
        let at = draw.among(0..=OWNERS - 1) as usize;
        one(shared, &records, &mut books[at], &mut draw, &mut written).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok((written, books))
}

/// One change of one record, or a list of all.
async fn one(
    shared: &Shared,
    records: &Records<Value>,
    book: &mut Book,
    draw: &mut Draw,
    written: &mut Written,
) -> Outcome {
    let (number, content) = (draw.among(0..=IDS - 1), draw.among(1..=u64::from(u32::MAX)));
    let ttl = Duration::from_millis(draw.among(1..=LONGEST_TTL_MS));
    let choice = draw.among(0..=99);
    let since = shared.begun.elapsed();
    let owner = &book.owner;
    let id = RecordId::new(book.model.id(number)).map_err(failed)?;
    let value = json!({"owner_api_key": book.name, "n": content});
    let there = book.model.content(number);
    let forever = PutOptions::default();
    let (done, after) = match choice {
        0..40 => {
            let put = records.put(owner, &id, &value, &forever).await;
            (put.is_ok(), Some(content))
        }
        40..50 => {
            let name = format!("t-{content}");
            let id = RecordId::new(&name).map_err(failed)?;
            book.model.set_passing(name, content);
            let options = forever.with_ttl(ttl);
            let put = records.put(&book.owner, &id, &value, &options).await;
            written.count(put.is_ok());
            return Ok(());
        }
        50..58 => {
            let touched = records.touch(owner, &id, None).await;
            (touched.is_ok(), there)
        }
        58..80 => (records.delete(owner, &id).await.is_ok(), None),
        80..92 => {
            let found = match records.get(owner, &id).await {
                Ok(found) => found,
                Err(_) => {
                    written.count(false);
                    return Ok(());
                }
            };
            let read = found.as_ref().and_then(|found| found.value["n"].as_u64());
            if read != there {
                let text = format!("{id:?} is {read:?} when read, and must be {there:?}");
                return note(shared, 1, Some(text));
            }
            let Some(found) = found else { return Ok(()) };
            let options = forever.with_lifetime(Lifetime::Kept);
            let updated = records
                .update(owner, &id, found.version, &value, &options)
                .await;
            (updated.is_ok(), Some(content))
        }
        _ => {
            if let Ok(listed) = list(records, owner).await {
                written.lists += 1;
                let (checked, broken) = book.model.compare(&listed, false);
                note(
                    shared,
                    checked,
                    broken.map(|broken| format!("{}: {broken}", book.name)),
                )?;
            }
            return Ok(());
        }
    };
    written.count(done);
    // What a primary acknowledges while it is replaced by force may be lost with it: that is the server's, not keypace's.
    if done && !shared.was_forced_since(since) {
        book.model.set(number, after);
    } else {
        book.model.doubt(number, after);
    }
    Ok(())
}

impl Written {
    fn count(&mut self, done: bool) {
        if done {
            self.answered += 1;
        } else {
            self.unanswered += 1;
        }
    }
}

fn note(shared: &Shared, checked: u64, broken: Option<String>) -> Outcome {
    let mut ledger = shared.ledger();
    let noted = ledger.check(Invariant::ListIsModel, checked, broken);
    noted.map_err(Failure::new)
}

/// All of an owner's records, page by page.
async fn list(records: &Records<Value>, owner: &Owner) -> keypace::Result<BTreeMap<String, u64>> {
    let mut listed = BTreeMap::new();
    let mut request = PageRequest::first(PAGE_RECORDS)?;
    loop {
        let page = records.list(owner, &request).await?;
        for record in page.records {
            let content = record.value["n"].as_u64().unwrap_or(0);
            listed.insert(record.id.as_str().to_owned(), content);
        }
        match page.next {
            Some(next) => request = PageRequest::after(next, PAGE_RECORDS)?,
            None => return Ok(listed),
        }
    }
}

/// With a connection of its own, when nothing befalls the cluster any more and all that passes has passed.
async fn look_again(shared: &Shared, keys: &OwnerKeys, books: &[Book]) -> Outcome {
    let over = Instant::now() + Duration::from_millis(LONGEST_TTL_MS * 2);
    let records = open_in_time(shared, keys).await?;
    tokio::time::sleep_until(over.into()).await;
    for book in books {
        let listed = list(&records, &book.owner).await.map_err(failed)?;
        let (checked, broken) = book.model.compare(&listed, true);
        note(
            shared,
            checked,
            broken.map(|broken| format!("{} at the end: {broken}", book.name)),
        )?;
    }
    drift(shared, keys).await
}

async fn drift(shared: &Shared, keys: &OwnerKeys) -> Outcome {
    let keyspace = connect(shared).await?;
    let options = IndexOptions::new(namespace()?, keys.clone());
    let mut verify = IndexVerify::begin(&keyspace, options)
        .await
        .map_err(failed)?;
    while verify.next().await.is_some() {}
    let report = verify.report();
    let is_right = report.complete && report.errors.is_empty() && report.drift.total() == 0;
    let broken = (!is_right).then(|| format!("{report:?}"));
    let mut ledger = shared.ledger();
    let noted = ledger.check(Invariant::NoDrift, report.records, broken);
    noted.map_err(Failure::new)
}
