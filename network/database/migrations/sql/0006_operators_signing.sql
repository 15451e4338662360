-- Section 1: the network's own signing keys (network/signing). One active key per purpose; a retired
-- one stays, so that what it signed can be verified for as long as anybody asks.
CREATE TABLE network.signing_key (
    key_id text NOT NULL,
    purpose text NOT NULL,
    public_key bytea NOT NULL,
    sealed_private bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT pk_signing_key PRIMARY KEY (key_id),
    CONSTRAINT ck_signing_key_purpose CHECK (purpose IN ('answers', 'tokens', 'seals')),
    CONSTRAINT ck_signing_key_public_key CHECK (length(public_key) = 32)
);
CREATE UNIQUE INDEX uq_signing_key_purpose ON network.signing_key (purpose)
    WHERE retired_at IS NULL;
GRANT SELECT, INSERT ON network.signing_key TO peyvand_app;
GRANT UPDATE (retired_at) ON network.signing_key TO peyvand_app;
