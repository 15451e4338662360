-- What a merchant is told: its events in order, where they go, and every attempt to get them there.

CREATE TABLE network.merchant_event_counter (
    merchant_id uuid NOT NULL,
    last_number bigint NOT NULL,
    CONSTRAINT pk_merchant_event_counter PRIMARY KEY (merchant_id),
    CONSTRAINT ck_merchant_event_counter_last_number CHECK (last_number > 0)
);
GRANT SELECT, INSERT ON network.merchant_event_counter TO peyvand_app;
GRANT UPDATE (last_number) ON network.merchant_event_counter TO peyvand_app;

-- Numbers follow one another per merchant, in the order of commits: the counter's row is locked from
-- drawing to commit.
CREATE TABLE network.merchant_event (
    event_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    number bigint NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    noted_at timestamptz NOT NULL,
    CONSTRAINT pk_merchant_event PRIMARY KEY (event_id),
    CONSTRAINT uq_merchant_event_merchant_id_number UNIQUE (merchant_id, number)
);
CREATE INDEX ix_merchant_event_noted_at ON network.merchant_event (noted_at);
GRANT SELECT, INSERT, DELETE ON network.merchant_event TO peyvand_app;

-- An empty list of types means all of them. A removed endpoint stays, for its log.
CREATE TABLE network.webhook_endpoint (
    endpoint_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    types text[] NOT NULL,
    state text NOT NULL,
    disabled_because text,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pk_webhook_endpoint PRIMARY KEY (endpoint_id),
    CONSTRAINT ck_webhook_endpoint_state CHECK (state IN ('enabled', 'disabled', 'deleted')),
    CONSTRAINT ck_webhook_endpoint_disabled_because
        CHECK ((state = 'disabled') = (disabled_because IS NOT NULL)),
    CONSTRAINT ck_webhook_endpoint_reason
        CHECK (disabled_because IN ('merchant', 'operator', 'gone')),
    CONSTRAINT ck_webhook_endpoint_url CHECK (length(url) BETWEEN 1 AND 2048)
);
CREATE INDEX ix_webhook_endpoint_merchant_id ON network.webhook_endpoint (merchant_id);
GRANT SELECT, INSERT ON network.webhook_endpoint TO peyvand_app;
GRANT UPDATE (url, description, types, state, disabled_because, changed_at)
    ON network.webhook_endpoint TO peyvand_app;

-- Both kinds of key change together; after a rotation the old pair signs on until ends_at.
CREATE TABLE network.webhook_secret (
    endpoint_id uuid NOT NULL,
    number integer NOT NULL,
    sealed_secret bytea NOT NULL,
    sealed_private bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    ends_at timestamptz,
    CONSTRAINT pk_webhook_secret PRIMARY KEY (endpoint_id, number),
    CONSTRAINT fk_webhook_secret_endpoint_id_webhook_endpoint
        FOREIGN KEY (endpoint_id) REFERENCES network.webhook_endpoint (endpoint_id),
    CONSTRAINT ck_webhook_secret_public_key CHECK (length(public_key) = 32)
);
GRANT SELECT, INSERT, DELETE ON network.webhook_secret TO peyvand_app;
GRANT UPDATE (ends_at) ON network.webhook_secret TO peyvand_app;

-- Whoever attempts a delivery moves next_attempt_at ahead first, in the same statement: until then it
-- is nobody else's, and a worker that died in between only makes it late.
CREATE TABLE network.webhook_delivery (
    delivery_id uuid NOT NULL DEFAULT uuidv7(),
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_webhook_delivery PRIMARY KEY (delivery_id),
    CONSTRAINT fk_webhook_delivery_endpoint_id_webhook_endpoint
        FOREIGN KEY (endpoint_id) REFERENCES network.webhook_endpoint (endpoint_id),
    CONSTRAINT fk_webhook_delivery_event_id_merchant_event
        FOREIGN KEY (event_id) REFERENCES network.merchant_event (event_id),
    CONSTRAINT uq_webhook_delivery_event_id_endpoint_id UNIQUE (event_id, endpoint_id),
    CONSTRAINT ck_webhook_delivery_state
        CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
    CONSTRAINT ck_webhook_delivery_finished CHECK ((state = 'waiting') = (finished_at IS NULL)),
    CONSTRAINT ck_webhook_delivery_counts CHECK (failures >= 0 AND attempts >= failures)
);
CREATE INDEX ix_webhook_delivery_due ON network.webhook_delivery (endpoint_id, next_attempt_at)
    WHERE state = 'waiting';
CREATE INDEX ix_webhook_delivery_endpoint_id_created_at
    ON network.webhook_delivery (endpoint_id, created_at, delivery_id);
GRANT SELECT, INSERT, DELETE ON network.webhook_delivery TO peyvand_app;
GRANT UPDATE (state, attempts, failures, next_attempt_at, finished_at)
    ON network.webhook_delivery TO peyvand_app;

-- An attempt without an end was cut off with its worker; the next one carries the same webhook-id.
CREATE TABLE network.webhook_attempt (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    status integer,
    CONSTRAINT pk_webhook_attempt PRIMARY KEY (delivery_id, number),
    CONSTRAINT fk_webhook_attempt_delivery_id_webhook_delivery
        FOREIGN KEY (delivery_id) REFERENCES network.webhook_delivery (delivery_id),
    CONSTRAINT ck_webhook_attempt_finished CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT ck_webhook_attempt_status CHECK (status BETWEEN 100 AND 999)
);
GRANT SELECT, INSERT, DELETE ON network.webhook_attempt TO peyvand_app;
GRANT UPDATE (finished_at, outcome, status) ON network.webhook_attempt TO peyvand_app;
