-- What a room studies by and watches, so that both go on from the right place after a restart. Gone when the
-- room ends.

CREATE TABLE study_clocks (
    room_id TEXT PRIMARY KEY NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    phase TEXT NOT NULL DEFAULT 'idle',
    cycle BIGINT NOT NULL DEFAULT 0,
    length_ms BIGINT NOT NULL DEFAULT 0,
    -- Null while it stands; then so much is left.
    ends_at_ms BIGINT,
    left_ms BIGINT NOT NULL DEFAULT 0,
    focus_done BIGINT NOT NULL DEFAULT 0,
    goal TEXT NOT NULL DEFAULT '',
    -- Of the room, in milliseconds.
    focus_ms BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE study_people (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    participant_id BIGINT NOT NULL,
    focus_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, participant_id)
);

CREATE TABLE films (
    room_id TEXT PRIMARY KEY NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    -- JSON of the protocol's FilmFile.
    film TEXT NOT NULL,
    leader BIGINT,
    is_playing BIGINT NOT NULL,
    -- The position at at_ms, from where it goes on while it plays.
    position_ms BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    rate_permille BIGINT NOT NULL
);

CREATE TABLE film_playlists (
    room_id TEXT PRIMARY KEY NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    -- JSON: an array of the protocol's FilmFile.
    playlist TEXT NOT NULL
);
