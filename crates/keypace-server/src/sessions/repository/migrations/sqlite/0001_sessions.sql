-- Times are microseconds since 1970. The owner is a keyed hash.
CREATE TABLE keypace_sessions (
    owner             TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    model             TEXT    NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('active', 'completed', 'error')),
    created_us        INTEGER NOT NULL,
    updated_us        INTEGER NOT NULL,
    total_turns       INTEGER NOT NULL DEFAULT 0 CHECK (total_turns >= 0),
    total_cost_usd    REAL,
    parent_session_id TEXT,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX keypace_sessions_by_created ON keypace_sessions (owner, created_us DESC, id ASC);

-- epoch: what the cache holds is believed where it was written in this one.
-- keys: the fingerprint of the owner keys that the owners above are hashed with.
CREATE TABLE keypace_sessions_state (
    state INTEGER NOT NULL PRIMARY KEY CHECK (state = 1),
    epoch INTEGER NOT NULL,
    keys  TEXT
) STRICT;

INSERT INTO keypace_sessions_state (state, epoch) VALUES (1, 1);
