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

-- Section 2: operators of the console, their sign-ins, and the log of what they did.
CREATE TABLE network.operator (
    operator_id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    status text NOT NULL,
    locale text,
    password_hash text NOT NULL,
    sealed_totp bytea NOT NULL,
    totp_step bigint NOT NULL,
    created_at timestamptz NOT NULL,
    notices text NOT NULL DEFAULT 'none',
    sealed_phone bytea,
    CONSTRAINT pk_operator PRIMARY KEY (operator_id),
    CONSTRAINT uq_operator_email UNIQUE (email),
    CONSTRAINT ck_operator_email CHECK (
        email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 254
    ),
    CONSTRAINT ck_operator_name CHECK (name <> '' AND length(name) <= 120),
    CONSTRAINT ck_operator_role CHECK (
        role IN ('viewer', 'analyst', 'operator', 'approver', 'administrator')
    ),
    CONSTRAINT ck_operator_status CHECK (status IN ('active', 'suspended')),
    CONSTRAINT ck_operator_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_operator_totp_step CHECK (totp_step >= 0),
    CONSTRAINT ck_operator_notices CHECK (
        notices IN ('none', 'email', 'sms') AND (notices <> 'sms' OR sealed_phone IS NOT NULL)
    )
);
GRANT SELECT, INSERT ON network.operator TO peyvand_app;
GRANT UPDATE (
    name, role, status, locale, password_hash, sealed_totp, totp_step, notices, sealed_phone
) ON network.operator TO peyvand_app;

-- Attempts to sign in, counted by the keyed digest of what was typed as e-mail and of the address
-- it came from: a name that exists and one that doesn't are slowed down alike.
CREATE TABLE network.operator_throttle (
    subject bytea NOT NULL,
    attempts integer NOT NULL,
    first_at timestamptz NOT NULL,
    CONSTRAINT pk_operator_throttle PRIMARY KEY (subject),
    CONSTRAINT ck_operator_throttle_subject CHECK (length(subject) = 32),
    CONSTRAINT ck_operator_throttle_attempts CHECK (attempts > 0)
);
CREATE INDEX ix_operator_throttle_first_at ON network.operator_throttle (first_at);
GRANT SELECT, INSERT, DELETE ON network.operator_throttle TO peyvand_app;
GRANT UPDATE (attempts, first_at) ON network.operator_throttle TO peyvand_app;

CREATE TABLE network.operator_session (
    session_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    token_digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    user_agent text NOT NULL,
    address text NOT NULL,
    CONSTRAINT pk_operator_session PRIMARY KEY (session_id),
    CONSTRAINT uq_operator_session_token_digest UNIQUE (token_digest),
    CONSTRAINT fk_operator_session_operator_id_operator
        FOREIGN KEY (operator_id) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_operator_session_token_digest CHECK (length(token_digest) = 32),
    CONSTRAINT ck_operator_session_expires_at CHECK (expires_at > created_at)
);
CREATE INDEX ix_operator_session_operator_id
    ON network.operator_session (operator_id, created_at);
GRANT SELECT, INSERT, DELETE ON network.operator_session TO peyvand_app;
GRANT UPDATE (seen_at, ended_at) ON network.operator_session TO peyvand_app;

-- hash is SHA-256 over the previous row's hash and this row's canonical form
-- (network/operators/audit.py). Each previous_hash stands once, so the chain can't fork.
CREATE TABLE network.audit_log (
    sequence bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    facts jsonb NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (sequence),
    CONSTRAINT uq_audit_log_previous_hash UNIQUE (previous_hash),
    CONSTRAINT ck_audit_log_sequence CHECK (sequence > 0),
    CONSTRAINT ck_audit_log_hash CHECK (length(hash) = 32 AND length(previous_hash) = 32)
);
CREATE INDEX ix_audit_log_actor_sequence ON network.audit_log (actor, sequence);
CREATE INDEX ix_audit_log_subject_sequence ON network.audit_log (subject, sequence);
CREATE INDEX ix_audit_log_action_sequence ON network.audit_log (action, sequence);
GRANT SELECT, INSERT ON network.audit_log TO peyvand_app;

-- The second guard beside the rights.
CREATE FUNCTION network.refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows; % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
REVOKE ALL ON FUNCTION network.refuse_audit_change() FROM PUBLIC;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_audit_change();
