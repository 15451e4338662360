-- Operators' passkeys and their way back in; windows that two people abort.

-- A passkey (WebAuthn): the public half of a key pair that never leaves the operator's device.
-- sign_count is what the device last counted, 0 where it does not count.
CREATE TABLE network.operator_passkey (
    passkey_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL,
    backed_up boolean NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_operator_passkey PRIMARY KEY (passkey_id),
    CONSTRAINT uq_operator_passkey_credential_id UNIQUE (credential_id),
    CONSTRAINT fk_operator_passkey_operator_id_operator
        FOREIGN KEY (operator_id) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_operator_passkey_name CHECK (name <> '' AND length(name) <= 60),
    CONSTRAINT ck_operator_passkey_sign_count CHECK (sign_count >= 0)
);
CREATE INDEX ix_operator_passkey_operator_id ON network.operator_passkey (operator_id);
GRANT SELECT, INSERT, DELETE ON network.operator_passkey TO peyvand_app;
GRANT UPDATE (sign_count, used_at) ON network.operator_passkey TO peyvand_app;

-- Challenges that a passkey has answered: an answer that is sent again meets its row.
CREATE TABLE network.operator_challenge (
    digest bytea NOT NULL,
    used_at timestamptz NOT NULL,
    CONSTRAINT pk_operator_challenge PRIMARY KEY (digest),
    CONSTRAINT ck_operator_challenge_digest CHECK (length(digest) = 32)
);
CREATE INDEX ix_operator_challenge_used_at ON network.operator_challenge (used_at);
GRANT SELECT, INSERT, DELETE ON network.operator_challenge TO peyvand_app;

-- One way in for an operator who has none yet, or none any more: a code that works once. Where
-- there is another administrator, one begins it and that other one confirms it. The secret for
-- the authenticator app is made with it and taken over when it is used.
CREATE TABLE network.operator_recovery (
    recovery_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    code_digest bytea NOT NULL,
    sealed_totp bytea NOT NULL,
    begun_by uuid,
    begun_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    needs_second boolean NOT NULL,
    confirmed_by uuid,
    confirmed_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT pk_operator_recovery PRIMARY KEY (recovery_id),
    CONSTRAINT uq_operator_recovery_code_digest UNIQUE (code_digest),
    CONSTRAINT fk_operator_recovery_operator_id_operator
        FOREIGN KEY (operator_id) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_operator_recovery_code_digest CHECK (length(code_digest) = 32),
    CONSTRAINT ck_operator_recovery_expires_at CHECK (expires_at > begun_at),
    CONSTRAINT ck_operator_recovery_two_people CHECK (
        (confirmed_by IS NULL) = (confirmed_at IS NULL)
        AND confirmed_by IS DISTINCT FROM operator_id AND begun_by IS DISTINCT FROM operator_id
        AND (confirmed_by IS NULL OR confirmed_by IS DISTINCT FROM begun_by)
    )
);
CREATE INDEX ix_operator_recovery_operator_id ON network.operator_recovery (operator_id);
GRANT SELECT, INSERT ON network.operator_recovery TO peyvand_app;
GRANT UPDATE (confirmed_by, confirmed_at, ended_at) ON network.operator_recovery TO peyvand_app;
