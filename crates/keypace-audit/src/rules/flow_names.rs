//! Names of functions and methods by what they do to a list: gather, pass on, cut, hand over.
//! Must not know Redis.

mod adaptors;
mod functions;
mod waits;

use crate::receiver::clients;

use adaptors::is_adaptor;
pub(super) use functions::is_passing_function;
use waits::is_wait;

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Makes a list of all that an iteration gives.
pub(super) fn is_collect(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "list"
            | "set"
            | "sorted"
            | "tuple"
            | "toa"
            | "tolist"
            | "toset"
            | "toarray"
            | "tolistasync"
            | "toarrayasync"
            | "collect"
            | "collectlist"
            | "from"
            | "fromasync"
            | "iteratortoarray"
            | "entries"
            | "force"
            | "tohashset"
            | "frozenset"
            | "collectinto"
            | "tosorted"
            | "trycollect"
            | "arrayfrom"
            | "readall"
            | "block"
            | "collectsortedlist"
            | "tomutablelist"
            | "tomutableset"
    ) && name != "entries"
}

/// Gives on what it was called on, or one part for one part.
pub(super) fn is_passing_method(name: &str) -> bool {
    is_wait(name) || is_adaptor(name) || gives_on(name)
}

fn gives_on(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "result"
            | "val"
            | "map"
            | "filter"
            | "select"
            | "reject"
            | "where"
            | "sort"
            | "sortby"
            | "sorted"
            | "stream"
            | "iterator"
            | "get"
            | "block"
            | "join"
            | "await"
            | "tostrings"
            | "asstrslice"
            | "stringslice"
            | "strings"
            | "values"
            | "iter"
            | "intoiter"
            | "unwrap"
            | "expect"
            | "each"
            | "compact"
            | "uniq"
            | "reverse"
            | "decode"
            | "tostring"
            | "tolist"
            | "toa"
            | "toarray"
            | "toset"
            | "asiterable"
            | "parallelstream"
            | "collect"
            | "distinct"
            | "orderby"
            | "cast"
            | "oftype"
            | "clone"
            | "tovec"
            | "asref"
            | "asstr"
            | "flatten"
            | "flatmap"
            | "arg"
            | "cursorarg"
            | "takeresults"
            | "query"
            | "queryasync"
            | "then"
            | "thenapply"
            | "query_async"
            | "catch"
            | "getkeys"
            | "getresult"
            | "getorelse"
            | "orempty"
            | "all"
            | "lazy"
            | "eachwithindex"
            | "withindex"
            | "foreach"
            | "concat"
            | "plus"
            | "asscanentry"
            | "toslice"
            | "elements"
            | "configureawait"
            | "withcancellation"
            | "asasyncenumerable"
            | "filternotnull"
            | "tosortedset"
            | "scanentry"
            | "trim"
            | "replace"
            | "split"
            | "sub"
            | "gsub"
            | "removeprefix"
            | "substring"
            | "parallel"
            | "asparallel"
            | "toenumerable"
            | "toiterator"
            | "totypedarray"
            | "build"
            | "match"
            | "count"
            | "cursor"
            | "pattern"
            | "iterasync"
            | "assequence"
            | "asflow"
            | "use"
            | "foreachremaining"
            | "deserialize"
            | "associatewith"
            | "takeif"
            | "takeunless"
            | "items"
            | "iteritems"
            | "entryset"
            | "keyset"
            | "todictionary"
            | "tostringdictionary"
            | "orelse"
            | "orelseget"
            | "orelsethrow"
            | "flat"
            | "getasyncenumerator"
            | "getenumerator"
            | "spliterator"
            | "tostringarray"
            // A page of the program's own.
            | "getcontent"
            | "getelements"
            | "getitems"
            | "getkeylist"
            | "getlist"
            | "getresults"
    )
}

/// Cuts a list into parts of a fixed size.
pub(super) fn is_chunk(name: &str) -> bool {
    let lower = plain(name);
    lower.contains("chunk")
        || lower.contains("batch")
        || matches!(
            lower.as_str(),
            "eachslice"
                | "ingroupsof"
                | "partition"
                | "windowed"
                | "grouped"
                | "splitevery"
                | "buffer"
                | "findinbatches"
                | "slice"
                | "splice"
                | "sublist"
                | "batched"
        )
}

/// Takes at most so many.
pub(super) fn is_limit(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "islice"
            | "take"
            | "limit"
            | "first"
            | "arrayslice"
            | "limitedto"
            | "topn"
            | "head"
            | "next"
            | "any"
            | "firstordefault"
            | "takewhile"
    )
}

/// Gives one of an iteration.
pub(super) fn is_element(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "next"
            | "nextitem"
            | "trynext"
            | "val"
            | "pop"
            | "shift"
            | "first"
            | "last"
            | "getfirst"
            | "value"
            | "key"
            | "current"
            | "nth"
            | "at"
            | "getresult"
            | "result"
            | "removefirst"
            | "poll"
            | "get"
            | "elem"
            | "takeresults"
            | "nextasync"
    )
}

/// Puts something into a list or set.
pub(super) fn is_growth(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "append"
            | "push"
            | "<<"
            | "extend"
            | "add"
            | "addall"
            | "addrange"
            | "update"
            | "merge"
            | "concat"
            | "unshift"
            | "insert"
            | "pushback"
            | "extendfromslice"
            | "pushall"
            | "unionwith"
            | "plusassign"
            | "arraypush"
            | "arraymerge"
            | "into"
            | "offer"
            | "addelement"
    )
}

/// Hands its receiver to a callback as a whole: promises and streams.
pub(super) fn is_handover(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "then"
            | "thenaccept"
            | "thenapply"
            | "tap"
            | "let"
            | "also"
            | "run"
            | "on"
            | "subscribe"
            | "donext"
            | "onsuccess"
            | "thencompose"
            | "flatmapmany"
            | "collect"
            | "onitem"
            | "transform"
            | "oncomplete"
            | "takeif"
            | "takeunless"
            | "use"
            | "ifpresent"
            | "ifpresentorelse"
    )
}

/// Runs the lambda that it is given once, and gives what that gives.
pub(super) fn is_runner(name: &str) -> bool {
    let plain = plain(name);
    let plain = plain.strip_suffix("async").unwrap_or(&plain);
    // `withCommandsClient { }`, `withBinaryJedis { }`.
    let lends = plain.starts_with("with")
        && [
            "client",
            "connection",
            "redis",
            "jedis",
            "resource",
            "commands",
        ]
        .iter()
        .any(|lent| plain.ends_with(lent));
    lends
        || runs_by_word(name)
        || matches!(
            plain,
            "execute"
                | "exec"
                | "executewithstickyconnection"
                | "with"
                | "withclient"
                | "withconnection"
                | "withredis"
                | "use"
                | "using"
                | "run"
                | "runblocking"
                | "runcatching"
                | "let"
                | "then"
                | "thenapply"
                | "thencompose"
                | "acquire"
                | "checkout"
                | "synchronize"
                | "measure"
                | "benchmark"
                | "instrument"
                | "retry"
                | "wrap"
                | "submit"
                | "supplyasync"
                | "withcontext"
                | "async"
                | "transaction"
                | "pcall"
        )
}

/// `runWithRetry`, `safe_execute`, `withTimeout`: what runs a lambda says so first.
fn runs_by_word(name: &str) -> bool {
    const FIRST: &[&str] = &[
        "with",
        "run",
        "retry",
        "try",
        "safe",
        "safely",
        "exec",
        "execute",
        "perform",
        "attempt",
        "measure",
        "guard",
        "protect",
        "instrument",
        "traced",
        "timed",
    ];
    let words = clients::words(name);
    words.len() > 1
        && words
            .first()
            .is_some_and(|first| FIRST.contains(&first.as_str()))
}

/// Makes one list of the lists that its lambda gives.
pub(super) fn is_flattening(name: &str) -> bool {
    matches!(plain(name).as_str(), "flatmap" | "selectmany")
}

/// Makes one value of all that it goes over, step by step.
pub(super) fn is_fold(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "reduce"
            | "fold"
            | "foldl"
            | "foldr"
            | "inject"
            | "eachwithobject"
            | "aggregate"
            | "arrayreduce"
    )
}

/// Makes an iteration of a function that is called for each step.
pub(super) fn is_unfold(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "resource"
            | "unfold"
            | "tryunfold"
            | "generate"
            | "expand"
            | "iterate"
            | "flow"
            | "channelflow"
            | "sequence"
            | "fromfn"
    )
}

/// Gives the entries of a hash, or their names or values.
pub(super) fn is_entries(name: &str) -> bool {
    let lower = plain(name);
    matches!(
        lower.trim_start_matches("iter"),
        "items"
            | "keys"
            | "values"
            | "entries"
            | "entryset"
            | "keyset"
            | "each"
            | "eachpair"
            | "eachslice"
            | "map"
            | "collect"
            | "arraykeys"
            | "arrayvalues"
    )
}

/// A function that makes a text of a text: a key without its prefix.
pub(super) fn is_of_text(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "basename", "decode", "prefix", "strip", "suffix", "trim", "unescape", "unquote",
    ];
    let words = clients::words(name);
    words.iter().any(|word| WORDS.contains(&word.as_str())) || is_text_function(name)
}

fn is_text_function(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "substr"
            | "mbsubstr"
            | "ltrim"
            | "rtrim"
            | "trim"
            | "sprintf"
            | "explode"
            | "basename"
            | "strtolower"
            | "strtoupper"
            | "strstr"
            | "strrchr"
            | "intval"
            | "end"
            | "last"
            | "pregreplace"
            | "findstring"
            | "findstringsubmatch"
            | "replaceallstring"
    )
}
