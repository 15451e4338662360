-- A new signing key is published before it signs; from signs_from on it does, and the one it replaces
-- no longer (retired_at, which may lie ahead). Nothing there: it signs since it was made.
ALTER TABLE network.signing_key ADD COLUMN signs_from timestamptz;
