//! Bounds and defaults of records. Holds constants only.

use std::time::Duration;

/// Longer names say no more, and each key of the namespace carries it.
pub const MAX_NAMESPACE_BYTES: usize = 64;
/// An API key, a mail address, a path: who has longer owners hashes them first.
pub const MAX_OWNER_BYTES: usize = 512;
/// A UUID has 36. Each id stands in three places on the server.
pub const MAX_ID_BYTES: usize = 128;
/// Rotations of one key file; each costs every call one more hash of 64 bytes.
pub const MAX_OWNER_KEYS: usize = 64;
/// A key file with `MAX_OWNER_KEYS` keys is 5 KB.
pub const MAX_OWNER_KEYS_FILE_BYTES: u64 = 64 * 1024;
/// Bytes of a tag, as hex digits: 128 bits of the hash, of which two are equal once in 10^19 owners.
pub const TAG_BYTES: usize = 32;
/// Scripts count in doubles, which are exact up to here; microseconds since 1970 are until the year 2255.
pub const MAX_EXACT: u64 = (1 << 53) - 1;
/// Versions of other sources end here, so that those of later changes are exact too. In microseconds it is the year 2112.
pub const MAX_IMPORTED_VERSION: u64 = 1 << 52;
/// The first moment that Python's and SQL's calendars have: year 1.
pub const MIN_UNIX_MS: i64 = -62_135_596_800_000;
/// The last one: year 9999.
pub const MAX_UNIX_MS: i64 = 253_402_300_799_999;
/// A hundred years: who wants longer wants none.
pub const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// Bytes of a header at most: `k1`, a version of 16 digits, two times of 15 and their signs. Scripts look at 64.
pub const MAX_HEADER_BYTES: usize = 64;
/// Records of one page at most: a reply of 1 MB where each has 1 KiB.
pub const MAX_PAGE: u32 = 1000;
/// Members that a page asks for beyond its size, so that a few whose record is gone don't make it short.
pub const SPARE: u32 = 8;
/// Dead members that one page drops: about 0.3 ms of the server's time.
pub const PRUNED_BY_PAGE: usize = 512;
/// Dead members that one put drops: more than the one it adds, so that an index which nobody lists doesn't grow for ever.
pub const PRUNED_BY_PUT: usize = 8;
/// Records of one batch of a delete, and members of one read where all of an owner's are wanted.
pub const BATCH_RECORDS: usize = 500;
/// Ids that `keys` gathers: who needs more wants pages.
pub const MAX_KEYS: usize = 10_000;
/// A delete that another source has seen is remembered for so long: readers that began before it are done by then.
pub const TOMBSTONE_TTL: Duration = Duration::from_secs(60);
/// While a namespace follows an old layout, what was deleted or expires in the new one is remembered for so long, so that no
/// rebuild brings it back: each rebuild that still finds its old key renews that. About 150 bytes on the server each.
pub const TRACE_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// What a cursor's text may be long: a score, an id of `MAX_ID_BYTES`, in base64.
pub const MAX_CURSOR_TEXT_BYTES: usize = 256;
/// The longest list that its histogram tells from a longer one.
pub const MAX_LIST_US: u64 = 60_000_000;
/// Bounds of the buckets that lists are counted in, for exporters: one round trip on loopback to a list that holds up.
pub const LIST_BUCKETS_US: [u64; 12] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000,
];
/// Digits of a time that its histogram keeps: 2 are within one percent.
pub const LIST_DIGITS: u8 = 2;
/// How old a handle's word of the key version may be before it asks again, in a call more: a rotation waits longer than that
/// before it takes it that nobody writes under the former key alone.
pub const META_REFRESH: Duration = Duration::from_secs(10);
/// What a call waits for an owner whose records are on their way: a move takes milliseconds, but for very many records or
/// a mover that was killed.
pub const MOVE_WAIT: Duration = Duration::from_secs(30);
/// The first pause of that ...
pub const MOVE_FIRST_PAUSE: Duration = Duration::from_millis(2);
/// ... and the longest.
pub const MOVE_LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long the seal of an owner without records stays. It is for who has not heard that the rotation has ended.
pub const EMPTY_SEAL_TTL: Duration = Duration::from_secs(24 * 3600);
