-- The operator: who is signed in, and what was done.

CREATE TABLE operator_sessions (
    -- SHA-256 of the cookie's token.
    token_hash TEXT PRIMARY KEY NOT NULL,
    operator TEXT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT NOT NULL
);

CREATE TABLE operator_audit (
    number BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    -- Who, as they called themselves; empty for somebody who was not let in.
    operator TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    -- The room, person or file concerned, without names of people.
    target TEXT NOT NULL,
    -- done, or the code of a refusal
    outcome TEXT NOT NULL,
    -- What the operator wrote.
    detail TEXT NOT NULL
);
