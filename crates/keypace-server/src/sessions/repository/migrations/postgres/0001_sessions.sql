-- Times are microseconds since 1970. The owner is a keyed hash. Names are compared by their bytes.
CREATE TABLE keypace_sessions (
    owner             TEXT COLLATE "C" NOT NULL,
    id                TEXT COLLATE "C" NOT NULL,
    version           BIGINT           NOT NULL,
    model             TEXT             NOT NULL,
    status            TEXT             NOT NULL CHECK (status IN ('active', 'completed', 'error')),
    created_us        BIGINT           NOT NULL,
    updated_us        BIGINT           NOT NULL,
    total_turns       BIGINT           NOT NULL DEFAULT 0 CHECK (total_turns >= 0),
    total_cost_usd    DOUBLE PRECISION,
    parent_session_id TEXT COLLATE "C",
    PRIMARY KEY (owner, id)
);

CREATE INDEX keypace_sessions_by_created ON keypace_sessions (owner, created_us DESC, id ASC);

-- epoch: what the cache holds is believed where it was written in this one.
-- keys: the fingerprint of the owner keys that the owners above are hashed with.
CREATE TABLE keypace_sessions_state (
    state INTEGER NOT NULL PRIMARY KEY CHECK (state = 1),
    epoch BIGINT  NOT NULL,
    keys  TEXT
);

INSERT INTO keypace_sessions_state (state, epoch) VALUES (1, 1);
