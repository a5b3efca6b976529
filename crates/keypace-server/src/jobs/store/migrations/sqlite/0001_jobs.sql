-- Times are microseconds since 1970. What ends in _json is read and written whole. No column holds credentials.
-- removes: it takes keys away or writes them; place and run are then the server's address and database, and its process
-- and database, by which two of them that would work on one server are told.
CREATE TABLE keypace_jobs (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    spec_json       TEXT    NOT NULL,
    budget          TEXT,
    key_id          TEXT    NOT NULL,
    source          TEXT,
    removes         INTEGER NOT NULL,
    place           TEXT,
    run             TEXT,
    identity_json   TEXT,
    progress_json   TEXT,
    result_json     TEXT,
    plan_json       TEXT,
    reason          TEXT,
    created_us      INTEGER NOT NULL,
    updated_us      INTEGER NOT NULL,
    started_us      INTEGER,
    ended_us        INTEGER,
    lease           INTEGER NOT NULL,
    lease_until_us  INTEGER,
    holder          TEXT,
    wanted          TEXT    NOT NULL,
    restarts        INTEGER NOT NULL,
    confirm_used    INTEGER NOT NULL,
    confirms        TEXT,
    max_delete      INTEGER,
    has_backup      INTEGER NOT NULL,
    has_checkpoint  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keypace_jobs_by_state ON keypace_jobs (state, id);

-- Never two at once, whatever a program believes.
CREATE UNIQUE INDEX keypace_jobs_one_place ON keypace_jobs (place) WHERE removes = 1 AND state = 'running';
CREATE UNIQUE INDEX keypace_jobs_one_run ON keypace_jobs (run) WHERE removes = 1 AND state = 'running';

-- In a table of its own, so that a heartbeat does not write it again.
CREATE TABLE keypace_job_checkpoints (
    id         TEXT NOT NULL PRIMARY KEY REFERENCES keypace_jobs (id) ON DELETE CASCADE,
    checkpoint BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- hash: SHA-256 of the key, in hexadecimal digits. owner: whom it stands for, encrypted with the key itself.
CREATE TABLE keypace_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    hash       TEXT    NOT NULL UNIQUE,
    scope      TEXT    NOT NULL,
    owner      BLOB,
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What tickets, tokens and cursors are signed with.
CREATE TABLE keypace_secret (
    secret_number INTEGER NOT NULL PRIMARY KEY CHECK (secret_number = 1),
    secret        BLOB    NOT NULL
) STRICT;
