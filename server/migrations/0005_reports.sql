-- What reports and counts of meetings are made of.

-- Who is host, or was last.
ALTER TABLE rooms ADD COLUMN presenter_name VARCHAR(100) NOT NULL DEFAULT '';
UPDATE rooms SET presenter_name = COALESCE(
    (SELECT p.name FROM participants p WHERE p.room_id = rooms.id AND p.role = 'host' ORDER BY p.id DESC LIMIT 1),
    ''
);

-- Muted by a host, and until they are let unmute themselves: this outlives the server, is_muted only says
-- that the microphone is off.
ALTER TABLE participants ADD COLUMN is_held_mute BIGINT NOT NULL DEFAULT 0;
UPDATE participants SET is_held_mute = is_muted;
UPDATE participants SET is_muted = 1;
ALTER TABLE participants ADD COLUMN is_video_on BIGINT NOT NULL DEFAULT 0;
-- Reports are asked for by seat tokens, too.
CREATE INDEX idx_participants_token ON participants (token_hash);

-- Times at which somebody's link was poor, with the worst of each figure.
CREATE TABLE quality_incidents (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    participant_id BIGINT NOT NULL,
    began_at_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    round_trip_ms BIGINT NOT NULL,
    jitter_ms BIGINT NOT NULL,
    loss_permille BIGINT NOT NULL,
    PRIMARY KEY (room_id, participant_id, began_at_ms)
);

-- What an open room was used for so far.
CREATE TABLE features_used (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    feature VARCHAR(20) NOT NULL,
    PRIMARY KEY (room_id, feature)
);

ALTER TABLE session_stats ADD COLUMN ended_at_ms BIGINT;
ALTER TABLE session_stats ADD COLUMN total_votes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session_stats ADD COLUMN total_files BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session_stats ADD COLUMN total_incidents BIGINT NOT NULL DEFAULT 0;
-- Names of features, with a comma between them.
ALTER TABLE session_stats ADD COLUMN features TEXT NOT NULL DEFAULT '';

-- The most people that were on the server at once, by day of the Unix epoch (UTC).
CREATE TABLE daily_peaks (
    day BIGINT PRIMARY KEY NOT NULL,
    people BIGINT NOT NULL
);
