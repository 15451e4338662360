-- How a merchant gets in, its tills, and the answers to calls that change settings.

-- An application; its merchant row has status 'applied' and a code of its own until approval.
-- sealed_contact holds persons: a name, an e-mail address, a phone number, what they wrote.
CREATE TABLE network.merchant_application (
    application_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    state text NOT NULL,
    sealed_contact bytea NOT NULL,
    website text,
    way text NOT NULL,
    locale text NOT NULL,
    address_digest bytea NOT NULL,
    applied_at timestamptz NOT NULL,
    reviewed_by uuid,
    reviewed_at timestamptz,
    reason text,
    CONSTRAINT pk_merchant_application PRIMARY KEY (application_id),
    CONSTRAINT uq_merchant_application_merchant_id UNIQUE (merchant_id),
    CONSTRAINT fk_merchant_application_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_merchant_application_state CHECK (state IN ('waiting', 'approved', 'declined')),
    CONSTRAINT ck_merchant_application_reviewed
        CHECK ((state = 'waiting') = (reviewed_at IS NULL)),
    CONSTRAINT ck_merchant_application_reason
        CHECK ((state = 'declined') = (reason IS NOT NULL) AND reason <> ''),
    CONSTRAINT ck_merchant_application_way CHECK (way IN ('program', 'browser')),
    CONSTRAINT ck_merchant_application_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_merchant_application_address_digest CHECK (length(address_digest) = 32)
);
CREATE INDEX ix_merchant_application_state_applied_at
    ON network.merchant_application (state, applied_at);
-- Those that wait stand first on the list, then the latest.
CREATE INDEX ix_merchant_application_place
    ON network.merchant_application ((state = 'waiting'), applied_at, application_id);
CREATE INDEX ix_merchant_application_address_digest_applied_at
    ON network.merchant_application (address_digest, applied_at);
GRANT SELECT, INSERT ON network.merchant_application TO peyvand_app;
GRANT UPDATE (state, sealed_contact, reviewed_by, reviewed_at, reason)
    ON network.merchant_application TO peyvand_app;

-- Tills by the code that calls carry. A store with tills on this list takes calls from those alone.
CREATE TABLE network.terminal (
    terminal_id uuid NOT NULL,
    store_id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    added_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT pk_terminal PRIMARY KEY (terminal_id),
    CONSTRAINT fk_terminal_store_id_store
        FOREIGN KEY (store_id) REFERENCES network.store (store_id),
    CONSTRAINT uq_terminal_store_id_code UNIQUE (store_id, code),
    CONSTRAINT ck_terminal_code CHECK (code <> '' AND length(code) <= 64),
    CONSTRAINT ck_terminal_name CHECK (name <> '' AND length(name) <= 120)
);
GRANT SELECT, INSERT ON network.terminal TO peyvand_app;
GRANT UPDATE (name, closed_at) ON network.terminal TO peyvand_app;

-- The answer to a POST that moved no points, kept in the unit of work that did what it says.
CREATE TABLE network.kept_answer (
    client_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    answer jsonb NOT NULL,
    kept_at timestamptz NOT NULL,
    CONSTRAINT pk_kept_answer PRIMARY KEY (client_id, key),
    CONSTRAINT ck_kept_answer_fingerprint CHECK (length(fingerprint) = 32)
);
CREATE INDEX ix_kept_answer_kept_at ON network.kept_answer (kept_at);
GRANT SELECT, INSERT, DELETE ON network.kept_answer TO peyvand_app;
