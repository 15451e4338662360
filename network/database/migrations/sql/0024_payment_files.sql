-- Section 1: payment files as they were given out. The first time a file of a kind is asked for it is made of
-- the payments that wait then, and kept; from then on it is these bytes, whatever happens to the
-- payments in it. payments names them, control_sum is in minor units.
CREATE TABLE network.payment_file (
    window_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    message_id text NOT NULL,
    payments uuid [] NOT NULL,
    control_sum bigint NOT NULL,
    content bytea NOT NULL,
    digest bytea NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_payment_file PRIMARY KEY (window_id, kind),
    CONSTRAINT fk_payment_file_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_payment_file_kind CHECK (kind IN ('pain.001', 'pain.008', 'table')),
    CONSTRAINT ck_payment_file_payments CHECK (cardinality(payments) > 0),
    CONSTRAINT ck_payment_file_digest CHECK (octet_length(digest) = 32)
);
GRANT SELECT, INSERT ON network.payment_file TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.payment_file
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- Section 2: how merchants are paid from a business day on: by the network (hub), or by each other
-- as far as that goes (direct). Two people decide, for days that have not begun.
CREATE TABLE network.payment_mode (
    effective_from date NOT NULL,
    mode text NOT NULL,
    proposal_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT pk_payment_mode PRIMARY KEY (effective_from),
    CONSTRAINT fk_payment_mode_proposal_id_proposal FOREIGN KEY (proposal_id)
        REFERENCES network.proposal (proposal_id),
    CONSTRAINT ck_payment_mode_mode CHECK (mode IN ('hub', 'direct'))
);
GRANT SELECT, INSERT ON network.payment_mode TO peyvand_app;
GRANT UPDATE (mode, proposal_id, decided_at) ON network.payment_mode TO peyvand_app;

-- What one merchant pays another for a window. What it says never changes; its state moves forward.
-- The bank tells us nothing of it: two people write down that it arrived, or that it did not.
CREATE TABLE network.direct_payment (
    direct_payment_id uuid NOT NULL,
    window_id uuid NOT NULL,
    payer_id uuid NOT NULL,
    payee_id uuid NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    iban text NOT NULL,
    holder text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL DEFAULT 'prepared',
    -- The business day on which two people wrote down what became of it.
    answered_on date,
    CONSTRAINT pk_direct_payment PRIMARY KEY (direct_payment_id),
    CONSTRAINT uq_direct_payment_parties UNIQUE (window_id, payer_id, payee_id, currency),
    CONSTRAINT uq_direct_payment_reference UNIQUE (reference),
    CONSTRAINT fk_direct_payment_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT fk_direct_payment_payer_id_merchant FOREIGN KEY (payer_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_direct_payment_payee_id_merchant FOREIGN KEY (payee_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_direct_payment_parties CHECK (payer_id <> payee_id),
    CONSTRAINT ck_direct_payment_amount CHECK (amount > 0),
    CONSTRAINT ck_direct_payment_state CHECK (
        state IN ('prepared', 'released', 'confirmed', 'failed')
    )
);
CREATE INDEX ix_direct_payment_payer_id ON network.direct_payment (payer_id);
CREATE INDEX ix_direct_payment_payee_id ON network.direct_payment (payee_id);
CREATE INDEX ix_direct_payment_under_way ON network.direct_payment (payer_id)
    WHERE state IN ('prepared', 'released');
GRANT SELECT, INSERT ON network.direct_payment TO peyvand_app;
GRANT UPDATE (state, answered_on) ON network.direct_payment TO peyvand_app;

-- What payees say of them, with the signed request that said it (a key, or a person's sign-in that the
-- network attests). That one arrived confirms it; all else is for two people of the network.
CREATE TABLE network.direct_receipt (
    direct_receipt_id uuid NOT NULL,
    direct_payment_id uuid NOT NULL,
    arrived boolean NOT NULL,
    said_by text NOT NULL,
    said_at timestamptz NOT NULL,
    signature_base bytea NOT NULL,
    signature bytea NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT pk_direct_receipt PRIMARY KEY (direct_receipt_id),
    CONSTRAINT fk_direct_receipt_direct_payment_id_direct_payment FOREIGN KEY (direct_payment_id)
        REFERENCES network.direct_payment (direct_payment_id)
);
CREATE INDEX ix_direct_receipt_direct_payment_id ON network.direct_receipt (direct_payment_id);
GRANT SELECT, INSERT ON network.direct_receipt TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.direct_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- Section 3: what the network holds of a merchant that leaves, as of its statement's last day, and by
-- which month it comes free at the latest: [{"month", "points", "frees", "stays"}].
CREATE TABLE network.statement_reserve (
    statement_id uuid NOT NULL,
    deposit bigint NOT NULL,
    reserve bigint NOT NULL,
    points bigint NOT NULL,
    months jsonb NOT NULL,
    CONSTRAINT pk_statement_reserve PRIMARY KEY (statement_id),
    CONSTRAINT fk_statement_reserve_statement_id_statement FOREIGN KEY (statement_id)
        REFERENCES network.statement (statement_id)
);
GRANT SELECT, INSERT ON network.statement_reserve TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.statement_reserve
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
