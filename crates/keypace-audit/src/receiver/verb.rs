//! Redis's commands, and how clients of all languages spell them as methods or in lists.
//! Must not know who the receiver is.

/// A command, as far as rules tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Keys,
    /// One step of SCAN, with a cursor.
    Scan,
    /// A client's own iteration over SCAN.
    ScanIter,
    /// One step of HSCAN, SSCAN or ZSCAN: the key, then the cursor.
    InnerScan,
    /// A client's own iteration over those.
    InnerScanIter,
    /// A read of one key whose cost doesn't grow.
    Read,
    HGetAll,
    SMembers,
    /// LRANGE, ZRANGE and their like; a rule looks at the bounds.
    Range,
    MGet,
    Del,
    Unlink,
    FlushAll,
    FlushDb,
    /// EVAL, SCRIPT LOAD: its text is a script.
    Eval,
}

impl Verb {
    /// Redis's own name, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keys => "KEYS",
            Self::Scan | Self::ScanIter => "SCAN",
            Self::InnerScan | Self::InnerScanIter => "HSCAN, SSCAN or ZSCAN",
            Self::Read => "a read",
            Self::HGetAll => "HGETALL",
            Self::SMembers => "SMEMBERS",
            Self::Range => "a range",
            Self::MGet => "MGET",
            Self::Del => "DEL",
            Self::Unlink => "UNLINK",
            Self::FlushAll => "FLUSHALL",
            Self::FlushDb => "FLUSHDB",
            Self::Eval => "EVAL",
        }
    }

    /// Reads one key's value or facts.
    pub(crate) fn reads_one(self) -> bool {
        matches!(
            self,
            Self::Read | Self::HGetAll | Self::SMembers | Self::Range
        )
    }

    /// Empties a database.
    pub(crate) fn flushes(self) -> bool {
        matches!(self, Self::FlushAll | Self::FlushDb)
    }

    /// Walks the keyspace.
    pub(crate) fn lists_keys(self) -> bool {
        matches!(self, Self::Keys | Self::Scan | Self::ScanIter)
    }

    /// One step of a scan, with a cursor.
    pub(crate) fn steps(self) -> bool {
        matches!(self, Self::Scan | Self::InnerScan)
    }

    /// A client's own iteration over a scan.
    pub(crate) fn iterates(self) -> bool {
        matches!(self, Self::ScanIter | Self::InnerScanIter)
    }

    /// Gives names that other commands take: keys, or the members of a set, list or hash that names them.
    pub(crate) fn finds(self) -> bool {
        self.lists_keys()
            || matches!(
                self,
                Self::InnerScan
                    | Self::InnerScanIter
                    | Self::SMembers
                    | Self::HGetAll
                    | Self::Range
            )
    }

    /// Takes many keys at once.
    pub(crate) fn takes_many(self) -> bool {
        matches!(self, Self::MGet | Self::Del | Self::Unlink)
    }

    /// A name that hardly anything but Redis has.
    pub(crate) fn is_distinctive(self) -> bool {
        matches!(
            self,
            Self::ScanIter
                | Self::HGetAll
                | Self::SMembers
                | Self::MGet
                | Self::Unlink
                | Self::FlushAll
                | Self::FlushDb
        )
    }
}

/// The command that a client's method stands for; `None` for every other method.
pub(crate) fn of_method(name: &str) -> Option<Verb> {
    let plain: String = name
        .chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let plain = plain.strip_suffix("async").unwrap_or(&plain);
    // Memcached's spelling, and that of nginx's shared dictionaries.
    if name == "flush_all" {
        return None;
    }
    Some(match plain {
        "keys" | "keysbuffer" | "getallkeys" => Verb::Keys,
        "scan" | "scanbuffer" | "scanpage" => Verb::Scan,
        "hscan" | "sscan" | "zscan" => Verb::InnerScan,
        "hscaniter" | "sscaniter" | "zscaniter" | "hscaneach" | "sscaneach" | "zscaneach"
        | "hscanstream" | "sscanstream" | "zscanstream" | "hscaniterator" | "sscaniterator"
        | "zscaniterator" => Verb::InnerScanIter,
        "scaniter"
        | "scaneach"
        | "scaniterator"
        | "scanstream"
        | "scanmatch"
        | "scanoptions"
        | "scanallkeys"
        | "scanbuffered"
        | "scanclusterbuffered"
        | "scanbufferstream"
        | "scaniteration"
        | "getkeysbypattern"
        | "getkeysstreambypattern"
        | "iterkeys"
        | "scancluster" => Verb::ScanIter,
        "get" | "hget" | "getrange" | "strlen" | "ttl" | "pttl" | "type" | "exists" | "hexists"
        | "hlen" | "llen" | "scard" | "zcard" | "stringget" | "getstring" | "gethash"
        | "hashget" | "keytype" | "keytimetolive" | "keyexists" | "getbuffer" | "jsonget"
        | "hmget" | "getex" | "memoryusage" | "object" | "objectencoding" | "objectfreq"
        | "getexpire" | "haskey" | "objectidletime" | "zscore" | "getbit" | "dump"
        | "sismember" | "smismember" | "zrank" | "zrevrank" | "zcount" | "zmscore" | "lindex"
        | "lpos" | "hstrlen" | "getdel" | "bitcount" | "pfcount" | "geopos" | "xlen"
        | "expiretime" | "pexpiretime" | "hgetbuffer" | "xrevrange" | "debug" | "setcontains"
        | "setlength" | "listlength" | "hashlength" | "hashexists" | "sortedsetscore"
        | "sortedsetlength" | "sortedsetrank" | "keyidletime" | "stringlength" => Verb::Read,
        "hgetall" | "hashgetall" | "hgetallbuffer" | "hvals" | "hkeys" | "hashkeys"
        | "hashvalues" => Verb::HGetAll,
        "smembers" | "setmembers" | "sinter" | "sunion" | "sdiff" => Verb::SMembers,
        "lrange"
        | "listrange"
        | "zrange"
        | "sortedsetrangebyrank"
        | "zrevrange"
        | "zrangewithscores"
        | "zrangeargs"
        | "zrevrangewithscores"
        | "zrangebyscore"
        | "zrevrangebyscore"
        | "zrangebyscorewithscores"
        | "sortedsetrangebyscore"
        | "sortedsetrangebyscorewithscores"
        | "sortedsetrangebyrankwithscores"
        | "zrevrangebyscorewithscores"
        | "zrangebylex"
        | "lrangebuffer"
        | "xrange" => Verb::Range,
        "mget" | "mgetbuffer" | "multiget" | "getmultiple" | "jsonmget" => Verb::MGet,
        "del" | "delete" | "keydelete" => Verb::Del,
        "unlink" => Verb::Unlink,
        "flushall" | "flushalldatabases" | "flushallcluster" => Verb::FlushAll,
        "flushdb" | "flushdatabase" => Verb::FlushDb,
        "eval" | "evalro" | "scriptload" | "registerscript" | "scriptevaluate" | "createscript" => {
            Verb::Eval
        }
        _ => return None,
    })
}

/// Methods of Spring's `opsForX()` and of Redisson's objects, which have no command's name.
pub(crate) fn of_operations(ops: &str, name: &str) -> Option<Verb> {
    let ops = ops.to_ascii_lowercase();
    // `opsForHash()`, `boundHashOps(key)`, a getter's `getHashOperations()`.
    let bound = ops
        .strip_prefix("opsfor")
        .or_else(|| ops.strip_prefix("bound"))
        .or_else(|| ops.strip_suffix("operations")?.strip_prefix("get"))?;
    let name = name.strip_suffix("AsFlow").unwrap_or(name);
    let name = name.strip_suffix("AndAwait").unwrap_or(name);
    Some(match (bound, name) {
        ("hash" | "hashops", "entries" | "values" | "keys") => Verb::HGetAll,
        ("hash" | "hashops", "get" | "multiGet" | "hasKey" | "size") => Verb::Read,
        ("set" | "setops", "size" | "isMember") => Verb::Read,
        ("zset" | "zsetops", "score" | "size" | "zCard" | "rank" | "reverseRank" | "count") => {
            Verb::Read
        }
        ("list" | "listops", "size" | "index") => Verb::Read,
        ("set" | "setops", "members") => Verb::SMembers,
        ("hash" | "hashops" | "set" | "setops" | "zset" | "zsetops", "scan") => Verb::InnerScanIter,
        ("list" | "listops" | "zset" | "zsetops", "range") => Verb::Range,
        (
            "zset" | "zsetops",
            "reverseRange"
            | "rangeByScore"
            | "reverseRangeByScore"
            | "rangeWithScores"
            | "reverseRangeWithScores"
            | "rangeByScoreWithScores",
        ) => Verb::Range,
        ("value" | "valueops", "get" | "size") => Verb::Read,
        ("value" | "valueops", "multiGet") => Verb::MGet,
        _ => return None,
    })
}

/// The command of a word in a raw list: `KEYS`, `keys`, `FLUSHDB`.
pub(crate) fn of_word(word: &str) -> Option<Verb> {
    Some(match word.to_ascii_uppercase().as_str() {
        "KEYS" => Verb::Keys,
        "SCAN" => Verb::Scan,
        "HSCAN" | "SSCAN" | "ZSCAN" => Verb::InnerScan,
        "GET" | "HGET" | "TTL" | "PTTL" | "TYPE" | "EXISTS" | "STRLEN" | "HLEN" | "LLEN"
        | "SCARD" | "ZCARD" | "HMGET" | "GETRANGE" | "OBJECT" | "MEMORY" | "JSON.GET"
        | "HEXISTS" | "DUMP" | "SISMEMBER" | "SMISMEMBER" | "ZSCORE" | "ZRANK" | "ZREVRANK"
        | "ZCOUNT" | "LINDEX" | "HSTRLEN" | "GETDEL" | "GETBIT" | "BITCOUNT" | "PFCOUNT"
        | "GEOPOS" | "XLEN" | "XREVRANGE" | "EXPIRETIME" | "PEXPIRETIME" | "DEBUG" => Verb::Read,
        "HGETALL" | "HVALS" | "HKEYS" => Verb::HGetAll,
        "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" => Verb::SMembers,
        "LRANGE" | "ZRANGE" | "ZREVRANGE" | "XRANGE" | "ZRANGEBYSCORE" | "ZREVRANGEBYSCORE"
        | "ZRANGEBYLEX" => Verb::Range,
        "MGET" | "JSON.MGET" => Verb::MGet,
        "DEL" => Verb::Del,
        "UNLINK" => Verb::Unlink,
        "FLUSHALL" => Verb::FlushAll,
        "FLUSHDB" => Verb::FlushDb,
        "EVAL" => Verb::Eval,
        _ => return None,
    })
}

/// A word of a command list that isn't one of the rules' verbs, but tells that a list is a command.
pub(crate) fn is_raw_method(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let plain = plain.strip_suffix("async").unwrap_or(&plain);
    matches!(
        plain,
        "do" | "send"
            | "executecommand"
            | "sendcommand"
            | "call"
            | "callblock"
            | "rawcommand"
            | "executeraw"
            | "createcommand"
            | "execute"
            | "exec"
            | "command"
            | "commands"
            | "pipeline"
            | "transactionpipeline"
            | "noreplycommand"
            | "noreplypipeline"
            | "cmd"
            | "query"
            | "q"
            | "qp"
            | "dispatch"
            | "customcommand"
            | "custom"
            | "pcall"
            | "run"
            | "internalsendcommand"
            | "docmd"
            | "sendcommandcompat"
            | "docontext"
            | "rawcall"
            | "arbitrary"
            | "multi"
            | "callv"
            | "callonce"
            | "calloncev"
            | "blockingcall"
            | "blockingcallv"
            | "dowithtimeout"
            | "rawcmd"
            | "write"
            | "eval"
    ) && plain != "eval"
}
