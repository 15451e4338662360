-- Members' passkeys (WebAuthn), beside the code by message and the PIN. What its owner calls one is
-- sealed with the member's own key.
CREATE TABLE network.member_passkey (
    passkey_id uuid NOT NULL,
    member_id uuid NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    sealed_name bytea NOT NULL,
    backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_member_passkey PRIMARY KEY (passkey_id),
    CONSTRAINT uq_member_passkey_credential_id UNIQUE (credential_id),
    CONSTRAINT fk_member_passkey_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_passkey_sign_count CHECK (sign_count >= 0)
);
CREATE INDEX ix_member_passkey_member_id ON network.member_passkey (member_id);
GRANT SELECT, INSERT, DELETE ON network.member_passkey TO peyvand_app;
GRANT UPDATE (sign_count, used_at) ON network.member_passkey TO peyvand_app;

-- A challenge that was answered, so that no answer works twice.
CREATE TABLE network.member_challenge (
    digest bytea NOT NULL,
    used_at timestamptz NOT NULL,
    CONSTRAINT pk_member_challenge PRIMARY KEY (digest),
    CONSTRAINT ck_member_challenge_digest CHECK (length(digest) = 32)
);
CREATE INDEX ix_member_challenge_used_at ON network.member_challenge (used_at);
GRANT SELECT, INSERT, DELETE ON network.member_challenge TO peyvand_app;
