-- Share links are looked up by whoever has one, without signing in.
CREATE INDEX idx_shared_files_token ON shared_files (share_token);
