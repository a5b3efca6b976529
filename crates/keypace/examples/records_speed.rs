//! Measures pages of records: `records_speed OWNERS RECORDS ROUNDS PASSES URL...` writes so many records for each of so many
//! owners on each server, then lists the first page of each owner, the servers in turns. Prints the median and the round
//! trips of each round as JSON, by server, for `cargo xtask bench --only records`.
//! It is no example of how to use records from a program: that is `sessions`.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use keypace::{
    ConnectOptions, Keyspace, Namespace, Owner, OwnerKeys, PageRequest, Purpose, PutOptions,
    RecordId, Records, Target,
};
use keypace_lab::{Raw, Visit};

const PAGE: u32 = 20;
/// What the server counts that no list has sent: commands within its script, and the questions of who measures.
const NOT_SENT: [&str; 10] = [
    "get",
    "time",
    "zcount",
    "zrange",
    "zcard",
    "zscore",
    "zrangebyscore",
    "info",
    "config",
    "config|resetstat",
];

type Failure = Box<dyn Error>;

/// One server.
struct Place {
    records: Records<String>,
    raw: Raw,
    /// A round's lists.
    lists_us: Vec<f64>,
    said: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [owners, records, rounds, passes, urls @ ..] = words.as_slice() else {
        return Err("write it as: records_speed OWNERS RECORDS ROUNDS PASSES URL...".into());
    };
    let (records, rounds, passes): (u64, u32, u32) =
        (records.parse()?, rounds.parse()?, passes.parse()?);
    let owners: Result<Vec<Owner>, _> = (0..owners.parse::<u64>()?)
        .map(|number| Owner::new(format!("owner-{number}")))
        .collect();
    let owners = owners?;
    let mut places = Vec::new();
    for url in urls {
        places.push(Place::open(url, &owners, records).await?);
    }
    for _ in 0..rounds {
        for place in &mut places {
            place.begin()?;
        }
        for pass in 0..passes as usize {
            for (at, owner) in owners.iter().enumerate() {
                // Another one first each time.
                for turn in 0..places.len() {
                    let place = (turn + at + pass) % places.len();
                    places[place].list(owner, records).await?;
                }
            }
        }
        for place in &mut places {
            place.end()?;
        }
    }
    let said: Vec<String> = places
        .iter()
        .map(|place| format!("[{}]", place.said.join(",")))
        .collect();
    println!("[{}]", said.join(","));
    Ok(())
}

impl Place {
    /// Opens the records, writes those of the owners, and lists each once, so that the scripts are known to the server.
    async fn open(url: &str, owners: &[Owner], number: u64) -> Result<Self, Failure> {
        let options = ConnectOptions::default().with_purpose(Purpose::Application);
        let keyspace = Keyspace::connect(Target::parse(url)?, options).await?;
        let keys = OwnerKeys::from_keys(vec![[1; 32]])?;
        let records = Records::open(&keyspace, Namespace::new("bench")?, keys).await?;
        let body = "x".repeat(98);
        let mut place = Self {
            records,
            raw: Raw::visit(&Visit::parse(url)?)?,
            lists_us: Vec::new(),
            said: Vec::new(),
        };
        for owner in owners {
            for id in 0..number {
                let id = RecordId::new(format!("s{id}"))?;
                let options = PutOptions::default();
                place.records.put(owner, &id, &body, &options).await?;
            }
            place.list(owner, number).await?;
        }
        Ok(place)
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.lists_us.clear();
        self.raw.command(&[b"CONFIG", b"RESETSTAT"])?.checked()?;
        Ok(())
    }

    async fn list(&mut self, owner: &Owner, number: u64) -> Result<(), Failure> {
        let request = PageRequest::first(PAGE)?;
        let begun = Instant::now();
        let page = self.records.list(owner, &request).await?;
        self.lists_us.push(begun.elapsed().as_secs_f64() * 1e6);
        if page.records.len() as u64 == number.min(u64::from(PAGE)) && page.total == number {
            return Ok(());
        }
        let (came, total) = (page.records.len(), page.total);
        Err(format!("{came} records of {total} came, where the owner has {number}").into())
    }

    fn end(&mut self) -> Result<(), Failure> {
        let sent = sent(&self.raw.info("commandstats")?);
        let trips = sent as f64 / self.lists_us.len() as f64;
        self.lists_us.sort_unstable_by(f64::total_cmp);
        let median = self.lists_us[self.lists_us.len() / 2];
        self.said.push(format!(
            r#"{{"list_us":{median:.1},"round_trips":{trips:.3}}}"#
        ));
        Ok(())
    }
}

/// Commands that came from clients.
fn sent(commandstats: &HashMap<String, String>) -> u64 {
    let calls = commandstats.iter().filter_map(|(name, line)| {
        let name = name.strip_prefix("cmdstat_")?;
        let calls = line.strip_prefix("calls=")?.split(',').next()?;
        (!NOT_SENT.contains(&name)).then(|| calls.parse::<u64>().ok())?
    });
    calls.sum()
}
