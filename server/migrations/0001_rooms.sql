-- Rooms and what must survive a restart. Written for SQLite and PostgreSQL alike: flags are 0 or 1,
-- times are milliseconds since the Unix epoch, hashes are lower-case hexadecimal.

CREATE TABLE rooms (
    id TEXT PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    password_hash TEXT,
    host_key_hash TEXT NOT NULL,
    -- JSON of the protocol's Settings.
    settings TEXT NOT NULL,
    locked BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT,
    ended_at_ms BIGINT,
    end_reason TEXT,
    -- When an ended room is purged.
    keep_until_ms BIGINT
);

-- A slug names one open room; ended ones of the same slug wait for their purge.
CREATE UNIQUE INDEX idx_rooms_open_slug ON rooms (slug) WHERE ended_at_ms IS NULL;
CREATE INDEX idx_rooms_slug ON rooms (slug, created_at_ms);
CREATE INDEX idx_rooms_keep ON rooms (keep_until_ms);

-- Seats. Rows stay when a seat is given up, so that its number is never used again.
CREATE TABLE participants (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    is_muted BIGINT NOT NULL DEFAULT 0,
    joined_at_ms BIGINT NOT NULL,
    left_at_ms BIGINT,
    leave_reason TEXT,
    PRIMARY KEY (room_id, id)
);

CREATE TABLE chat_messages (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    participant_id BIGINT NOT NULL,
    participant_name TEXT NOT NULL,
    -- said, system or file
    message_type TEXT NOT NULL,
    file_id BIGINT,
    message TEXT NOT NULL,
    -- The command that made it, unique in a seat.
    reference BIGINT,
    is_deleted BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, id)
);

CREATE UNIQUE INDEX idx_chat_said_once ON chat_messages (room_id, participant_id, reference);

CREATE TABLE notices (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    message TEXT NOT NULL,
    is_expired BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, id)
);

CREATE TABLE shared_files (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    participant_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    share_token TEXT,
    is_removed BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, id)
);
