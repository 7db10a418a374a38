-- Who has saved a template: SHA-256 of their program's secret, or of the host key of the room where it has none. Null
-- of those that were saved before this was kept: they are anybody's who may save templates.
ALTER TABLE templates ADD COLUMN owner_hash TEXT;
