-- Roles that stand in, bans, questions with their votes, templates, figures of meetings.

ALTER TABLE rooms ADD COLUMN max_participants BIGINT NOT NULL DEFAULT 50;
ALTER TABLE rooms ADD COLUMN is_active BIGINT NOT NULL DEFAULT 1;
UPDATE rooms SET is_active = 0 WHERE ended_at_ms IS NOT NULL;
CREATE INDEX idx_rooms_active ON rooms (is_active, created_at_ms);

-- The role to which somebody goes back who stands in for the host.
ALTER TABLE participants ADD COLUMN stands_in_from TEXT;
-- SHA-256 of the secret by which a ban knows a program again.
ALTER TABLE participants ADD COLUMN device_hash TEXT;
CREATE INDEX idx_participants_room ON participants (room_id, joined_at_ms);

CREATE INDEX idx_chat_room_time ON chat_messages (room_id, created_at_ms);

CREATE TABLE bans (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    device_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, device_hash)
);

-- Rows stay, emptied, when a question is taken back, so that its number is never used again.
CREATE TABLE questions (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    -- Also of a question without a name, so that it stays theirs.
    participant_id BIGINT NOT NULL,
    participant_name TEXT NOT NULL,
    is_anonymous BIGINT NOT NULL DEFAULT 0,
    question TEXT NOT NULL,
    -- The command that made it, unique in a seat.
    reference BIGINT,
    is_answered BIGINT NOT NULL DEFAULT 0,
    is_pinned BIGINT NOT NULL DEFAULT 0,
    is_hidden BIGINT NOT NULL DEFAULT 0,
    is_in_review BIGINT NOT NULL DEFAULT 0,
    is_taken_back BIGINT NOT NULL DEFAULT 0,
    votes BIGINT NOT NULL DEFAULT 0,
    -- Null also for a question that was answered live.
    answer TEXT,
    answered_by BIGINT,
    answered_by_name TEXT,
    answered_at_ms BIGINT,
    -- On the room clock.
    answered_moment_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    moment_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, id)
);
CREATE UNIQUE INDEX idx_questions_asked_once ON questions (room_id, participant_id, reference);
CREATE INDEX idx_questions_room ON questions (room_id, votes DESC, created_at_ms);

CREATE TABLE question_votes (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    question_id BIGINT NOT NULL,
    participant_id BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, question_id, participant_id)
);

-- Settings under a name, for rooms that are made later.
CREATE TABLE templates (
    name TEXT PRIMARY KEY NOT NULL,
    -- JSON of the protocol's Template.
    template TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- Figures of meetings that are over, without names: one for each time that a room was open. They outlive the
-- rooms, but for those that keep nothing.
CREATE TABLE session_stats (
    room_id TEXT NOT NULL,
    max_concurrent_participants BIGINT NOT NULL DEFAULT 0,
    total_participants BIGINT NOT NULL DEFAULT 0,
    total_messages BIGINT NOT NULL DEFAULT 0,
    total_questions BIGINT NOT NULL DEFAULT 0,
    session_duration_minutes BIGINT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, created_at_ms)
);
CREATE INDEX idx_session_stats_time ON session_stats (created_at_ms);
