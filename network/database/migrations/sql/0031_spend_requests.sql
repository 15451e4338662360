-- Up to how many points a tap in the wallet is enough, set by two people; the newest row holds.
CREATE TABLE network.tap_limit (
    tap_limit_id uuid NOT NULL,
    points bigint NOT NULL,
    set_at timestamptz NOT NULL,
    set_by uuid NOT NULL,
    CONSTRAINT pk_tap_limit PRIMARY KEY (tap_limit_id),
    CONSTRAINT ck_tap_limit_points CHECK (points BETWEEN 0 AND 1000000000)
);
GRANT SELECT, INSERT ON network.tap_limit TO peyvand_app;

-- What merchants asked members to pay (network/spend_requests): a redemption that waits for the
-- member's word. Nothing of the wallet is held or touched before it is given. A row that came to a
-- redemption stays: it says how the consent was given.
CREATE TABLE network.spend_request (
    spend_request_id uuid NOT NULL,
    member_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    store_id uuid,
    terminal text,
    merchant_ref text NOT NULL,
    capture text NOT NULL,
    hold_minutes smallint,
    points bigint NOT NULL,
    needs_code boolean NOT NULL,
    amount bigint,
    currency text,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    digest bytea NOT NULL,
    attempts integer NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL,
    answered_at timestamptz,
    answered_by text,
    session_id uuid,
    entry_member_id uuid,
    entry_sequence bigint,
    CONSTRAINT pk_spend_request PRIMARY KEY (spend_request_id),
    CONSTRAINT fk_spend_request_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT fk_spend_request_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_spend_request_store_id_store
        FOREIGN KEY (store_id) REFERENCES network.store (store_id),
    CONSTRAINT ck_spend_request_capture CHECK (capture IN ('auto', 'manual')),
    -- For how long the points are held is part of what the member agrees to.
    CONSTRAINT ck_spend_request_hold_minutes CHECK (
        (capture = 'manual') = (hold_minutes IS NOT NULL)
        AND (hold_minutes IS NULL OR hold_minutes BETWEEN 1 AND 60)
    ),
    CONSTRAINT ck_spend_request_points CHECK (points > 0),
    CONSTRAINT ck_spend_request_amount CHECK (
        (amount IS NULL) = (currency IS NULL) AND (amount IS NULL OR amount > 0)
    ),
    CONSTRAINT ck_spend_request_fingerprint CHECK (length(fingerprint) = 32),
    CONSTRAINT ck_spend_request_digest CHECK (length(digest) = 32),
    CONSTRAINT ck_spend_request_attempts CHECK (attempts BETWEEN 0 AND 5),
    CONSTRAINT ck_spend_request_expires_at CHECK (expires_at > requested_at),
    CONSTRAINT ck_spend_request_state CHECK (
        state IN ('waiting', 'approved', 'refused', 'withdrawn', 'taken')
    ),
    CONSTRAINT ck_spend_request_answered_by CHECK (answered_by IN ('wallet', 'wallet_code', 'code')),
    -- A yes says how it was given, and nothing is taken without one.
    CONSTRAINT ck_spend_request_answered CHECK (
        (state IN ('approved', 'refused', 'taken')) = (answered_at IS NOT NULL)
        AND (answered_at IS NULL) = (answered_by IS NULL)
    ),
    CONSTRAINT ck_spend_request_taken CHECK (
        (state = 'taken') = (entry_sequence IS NOT NULL)
        AND (state = 'taken') = (entry_member_id IS NOT NULL)
    )
);
CREATE INDEX ix_spend_request_member_id_requested_at
    ON network.spend_request (member_id, requested_at);
CREATE INDEX ix_spend_request_merchant_id_requested_at
    ON network.spend_request (merchant_id, requested_at);
CREATE INDEX ix_spend_request_entry_member_id_entry_sequence
    ON network.spend_request (entry_member_id, entry_sequence);
CREATE INDEX ix_spend_request_expires_at
    ON network.spend_request (expires_at) WHERE state <> 'taken';
GRANT SELECT, INSERT, DELETE ON network.spend_request TO peyvand_app;
GRANT UPDATE (attempts, expires_at, state, answered_at, answered_by, session_id, entry_member_id,
              entry_sequence)
    ON network.spend_request TO peyvand_app;
