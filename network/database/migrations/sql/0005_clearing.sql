-- Clearing: windows, the nightly run, and what it finds to be owed.
-- Parties are merchants or the network itself, which is the fixed id below: a value rather than
-- NULL, so that every row has two parties, unique keys hold, and sums per party need no special
-- case. Party columns carry no foreign key for that reason; a party without an agreement has no
-- price and stops the run.

-- A window covers whole business days, [first_day, end_day): one day now, several later.
-- The exclusion constraint puts each business day, hence each posting, in at most one window that
-- counts. One that two people aborted counts no more; its days settle in the next attempt.
CREATE TABLE network.settlement_window (
    window_id uuid NOT NULL,
    first_day date NOT NULL,
    end_day date NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    state text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    CONSTRAINT pk_settlement_window PRIMARY KEY (window_id),
    CONSTRAINT ck_settlement_window_period CHECK (first_day < end_day),
    CONSTRAINT ck_settlement_window_state CHECK (
        state IN ('open', 'closing', 'closed', 'pending_settlement', 'settled', 'aborted')
    ),
    CONSTRAINT ck_settlement_window_settled_at CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT ck_settlement_window_attempt CHECK (attempt > 0),
    CONSTRAINT uq_settlement_window_first_day_attempt UNIQUE (first_day, attempt),
    CONSTRAINT ex_settlement_window_period EXCLUDE USING gist (
        daterange(first_day, end_day) WITH &&
    ) WHERE (state <> 'aborted')
);
GRANT SELECT, INSERT ON network.settlement_window TO peyvand_app;
GRANT UPDATE (state, settled_at) ON network.settlement_window TO peyvand_app;

-- A window ends settled or aborted, and stays so.
CREATE FUNCTION network.refuse_window_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'window % is %, and stays so', OLD.window_id, OLD.state
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
REVOKE ALL ON FUNCTION network.refuse_window_change() FROM PUBLIC;
CREATE TRIGGER ended BEFORE UPDATE ON network.settlement_window
    FOR EACH ROW WHEN (OLD.state IN ('settled', 'aborted') AND NEW IS DISTINCT FROM OLD)
    EXECUTE FUNCTION network.refuse_window_change();

-- Whoever inserts the row of a business day runs its night (one of an aborted window is history). claim changes hands when the holder
-- has not been heard of (heartbeat_at, on the database's clock) for too long; each write of a run
-- names its claim, so a runner that was given up for dead can do no more harm.
CREATE TABLE network.settlement_run (
    run_id uuid NOT NULL,
    business_date date NOT NULL,
    window_id uuid,
    run_key text NOT NULL,
    version bigint NOT NULL,
    input_hash bytea,
    state text NOT NULL,
    step text NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    claim uuid NOT NULL,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    control_totals jsonb,
    error_code text,
    error text,
    CONSTRAINT pk_settlement_run PRIMARY KEY (run_id),
    CONSTRAINT uq_settlement_run_run_key UNIQUE (run_key),
    CONSTRAINT fk_settlement_run_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_settlement_run_state CHECK (
        state IN ('running', 'done', 'failed', 'stopped', 'aborted')
    ),
    CONSTRAINT ck_settlement_run_progress CHECK (done >= 0 AND done <= total),
    CONSTRAINT ck_settlement_run_input_hash CHECK (octet_length(input_hash) = 32)
);
CREATE UNIQUE INDEX uq_settlement_run_business_date ON network.settlement_run (business_date)
    WHERE state <> 'aborted';
GRANT SELECT, INSERT ON network.settlement_run TO peyvand_app;
GRANT UPDATE (
    window_id, input_hash, state, step, done, total, claim, started_by, heartbeat_at, finished_at,
    control_totals, error_code, error
) ON network.settlement_run TO peyvand_app;

-- The nearest integer, ties to the even one. Exact: round() of numeric takes ties away from zero.
CREATE FUNCTION network.half_even(p_value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(p_value - trunc(p_value)) = 0.5 THEN 2 * round(p_value * 0.5)
            ELSE round(p_value) END;
REVOKE ALL ON FUNCTION network.half_even(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION network.half_even(numeric) TO peyvand_app;

-- The id of an obligation follows from its facts: a UUIDv8 (RFC 9562) of the SHA-256 over the bytes
-- of window, issuer, acceptor, both terms, the price in text with ten places, and the kind. One
-- expression without FROM, so that it becomes part of the statement that asks for it instead of a
-- query for each row (six times as long); hence version and variant bit by bit.
CREATE FUNCTION network.obligation_key(
    p_window_id uuid, p_kind text, p_issuer_id uuid, p_acceptor_id uuid, p_terms_id uuid,
    p_acceptor_terms_id uuid, p_price numeric
) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(
    set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
        substring(sha256(
            uuid_send(p_window_id) || uuid_send(p_issuer_id) || uuid_send(p_acceptor_id)
            || uuid_send(p_terms_id) || uuid_send(p_acceptor_terms_id)
            || (p_price::numeric(20, 10)::text || ' ' || p_kind)::bytea
        ) FROM 1 FOR 16),
        55, 1), 54, 0), 53, 0), 52, 0), 71, 1), 70, 0), 'hex')::uuid;
REVOKE ALL ON FUNCTION network.obligation_key(uuid, text, uuid, uuid, uuid, uuid, numeric)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION network.obligation_key(uuid, text, uuid, uuid, uuid, uuid, numeric)
    TO peyvand_app;

-- One row per issuer, acceptor, both parties' terms, price and kind. payer and payee say who owes
-- whom, each by party and account; issuer and acceptor say whose points moved where, which is what
-- the postings know (the acceptor is the issuer where nobody took points). priced_on lists the days
-- whose prices these are (of captures; several for redeposits), so that the postings behind a row
-- are found again without asking what the terms of a day were.
-- What was undone stands with points and amount below zero, payer and payee unchanged. A rounding
-- row has no points: it brings the pool to what the points in it cost, after many small roundings.
-- A night writes hundreds of thousands of these rows. Looking the same window up for each of them
-- would cost as much as the row, and an index over its facts says no more than an id that follows
-- from them, so the audit holds both against every row instead.
CREATE TABLE network.obligation (
    obligation_id uuid NOT NULL,
    window_id uuid NOT NULL,
    payer_id uuid NOT NULL,
    payer_account text NOT NULL,
    payee_id uuid NOT NULL,
    payee_account text NOT NULL,
    issuer_id uuid NOT NULL,
    acceptor_id uuid NOT NULL,
    kind text NOT NULL,
    terms_id uuid NOT NULL,
    acceptor_terms_id uuid NOT NULL,
    priced_on date[] NOT NULL,
    points bigint NOT NULL,
    postings bigint NOT NULL,
    price numeric(20, 10) NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    CONSTRAINT pk_obligation PRIMARY KEY (obligation_id),
    CONSTRAINT fk_obligation_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id) NOT ENFORCED,
    CONSTRAINT ck_obligation_kind CHECK (
        kind IN (
            'redemption', 'redeposit', 'margin', 'margin_return', 'vat', 'vat_return',
            'acceptance_vat', 'acceptance_vat_return', 'issuance', 'adjustment_up', 'clawback',
            'adjustment_down', 'expiry', 'rounding'
        )
    ),
    CONSTRAINT ck_obligation_sign CHECK (
        CASE WHEN kind = 'rounding' THEN points = 0 AND postings = 0 AND amount <> 0
             ELSE points <> 0 AND postings > 0
                  AND (points < 0) = (kind = 'redeposit' OR right(kind, 7) = '_return') END
    ),
    CONSTRAINT ck_obligation_accounts CHECK (
        payer_account IN ('settlement', 'deposit', 'pool', 'margin', 'rounding')
        AND payee_account IN ('settlement', 'pool', 'margin', 'vat', 'breakage')
        AND (payer_account IN ('settlement', 'deposit'))
            = (payer_id <> '00000000-0000-7000-8000-000000000000')
        AND (payee_account = 'settlement')
            = (payee_id <> '00000000-0000-7000-8000-000000000000')
    ),
    CONSTRAINT ck_obligation_priced_on CHECK (
        (cardinality(priced_on) > 0) = (kind NOT IN (
            'issuance', 'adjustment_up', 'clawback', 'adjustment_down', 'expiry', 'rounding'
        ))
    ),
    CONSTRAINT ck_obligation_currency CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE INDEX ix_obligation_window_id_payer_id ON network.obligation (window_id, payer_id);
CREATE INDEX ix_obligation_window_id_payee_id ON network.obligation (window_id, payee_id);
GRANT SELECT, INSERT ON network.obligation TO peyvand_app;

-- What points that were paid for when they were given cost, after the windows in which they moved:
-- amount is points × price, half to even. The newest rows of all terms add up to the pool's account.
CREATE TABLE network.pool_balance (
    window_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    issuer_id uuid NOT NULL,
    points bigint NOT NULL,
    price numeric(20, 10) NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    CONSTRAINT pk_pool_balance PRIMARY KEY (window_id, terms_id),
    CONSTRAINT fk_pool_balance_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id)
);
CREATE INDEX ix_pool_balance_terms_id ON network.pool_balance (terms_id);
GRANT SELECT, INSERT ON network.pool_balance TO peyvand_app;

-- net = receivable - payable - fees; over all accounts of a window and currency it sums to zero.
-- fees are with their VAT; vat says how much of them that is. Only settlement accounts are paid.
CREATE TABLE network.net_position (
    window_id uuid NOT NULL,
    party_id uuid NOT NULL,
    account text NOT NULL,
    currency text NOT NULL,
    payable bigint NOT NULL,
    receivable bigint NOT NULL,
    fees bigint NOT NULL,
    vat bigint NOT NULL,
    net bigint NOT NULL,
    CONSTRAINT pk_net_position PRIMARY KEY (window_id, party_id, account, currency),
    CONSTRAINT fk_net_position_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_net_position_net CHECK (net = receivable - payable - fees)
);
GRANT SELECT, INSERT ON network.net_position TO peyvand_app;

-- A merchant's account for a window: opening + net + returned - called - paid = closing, which is
-- the next opening. returned is what the bank sent back, paid what is instructed with this statement,
-- called what went to the deposit because it did not suffice; of the deposit itself,
-- deposit_opening + deposit_paid_in - deposit_used + called = deposit_closing. vat is among the fees.
-- carried says why a balance was not paid: no account, another day of the cycle, below the minimum,
-- or an issuer that was stopped because it does not pay.
-- Lines are not stored: they are computed from the closed day's postings, the same each time, and
-- digest is the SHA-256 of lines and totals in canonical form.
CREATE TABLE network.statement (
    statement_id uuid NOT NULL,
    window_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    currency text NOT NULL,
    opening bigint NOT NULL,
    payable bigint NOT NULL,
    receivable bigint NOT NULL,
    fees bigint NOT NULL,
    vat bigint NOT NULL,
    net bigint NOT NULL,
    returned bigint NOT NULL,
    called bigint NOT NULL,
    paid bigint NOT NULL,
    closing bigint NOT NULL,
    deposit_opening bigint NOT NULL,
    deposit_paid_in bigint NOT NULL,
    deposit_used bigint NOT NULL,
    deposit_closing bigint NOT NULL,
    lines bigint NOT NULL,
    carried text,
    digest bytea NOT NULL,
    seal bytea NOT NULL,
    signed text NOT NULL,
    CONSTRAINT pk_statement PRIMARY KEY (statement_id),
    CONSTRAINT uq_statement_merchant_id_window_id_currency UNIQUE (merchant_id, window_id, currency),
    CONSTRAINT fk_statement_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_statement_net CHECK (net = receivable - payable - fees),
    CONSTRAINT ck_statement_closing CHECK (closing = opening + net + returned - called - paid),
    CONSTRAINT ck_statement_deposit CHECK (
        deposit_closing = deposit_opening + deposit_paid_in - deposit_used + called
    ),
    CONSTRAINT ck_statement_lines CHECK (lines >= 0),
    CONSTRAINT ck_statement_carried CHECK (
        carried IS NULL OR (carried IN ('no_account', 'cycle', 'minimum', 'default') AND paid = 0)
    ),
    CONSTRAINT ck_statement_digest CHECK (octet_length(digest) = 32)
);
CREATE INDEX ix_statement_window_id ON network.statement (window_id);
CREATE INDEX ix_statement_digest ON network.statement (digest);
GRANT SELECT, INSERT ON network.statement TO peyvand_app;

-- The second guard beside the rights: what a window found never changes.
CREATE FUNCTION network.refuse_clearing_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'rows of %.% are never changed or deleted', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
REVOKE ALL ON FUNCTION network.refuse_clearing_change() FROM PUBLIC;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.obligation
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.pool_balance
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.net_position
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.statement
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
