-- Money: what the network owes its parties and has paid, as a ledger of its own; the payments that
-- a window leads to, their release by two people, and what the bank answered.
-- Signs are those of a liability: above zero the house owes the account's party, below zero it is
-- owed. So paying out brings settlement down, and the bank account, which the house owns, is below
-- zero by what it holds.

CREATE TABLE network.money_entry (
    money_entry_id uuid NOT NULL,
    kind text NOT NULL,
    business_date date NOT NULL,
    window_id uuid,
    payment_id uuid,
    proposal_id uuid,
    correction_id uuid,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_money_entry PRIMARY KEY (money_entry_id),
    CONSTRAINT fk_money_entry_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_money_entry_kind CHECK (
        kind IN (
            'netting', 'call', 'instruction', 'settlement', 'return', 'cancellation',
            'reinstatement', 'cover', 'draw', 'correction', 'direct', 'direct_return',
            'fund', 'fund_draw', 'loss', 'recovery'
        )
    ),
    CONSTRAINT ck_money_entry_behind CHECK (
        CASE WHEN kind IN ('netting', 'call') THEN window_id IS NOT NULL AND payment_id IS NULL
             WHEN kind IN ('cover', 'draw', 'fund', 'fund_draw', 'loss', 'recovery')
                 THEN proposal_id IS NOT NULL
             WHEN kind = 'correction'
                 THEN window_id IS NULL AND payment_id IS NULL AND correction_id IS NOT NULL
             WHEN kind IN ('return', 'cancellation', 'reinstatement', 'direct_return')
                 THEN payment_id IS NOT NULL AND proposal_id IS NOT NULL
             ELSE payment_id IS NOT NULL END
    )
);
CREATE INDEX ix_money_entry_window_id ON network.money_entry (window_id);
CREATE INDEX ix_money_entry_payment_id ON network.money_entry (payment_id);
CREATE INDEX ix_money_entry_business_date ON network.money_entry (business_date);
GRANT SELECT, INSERT ON network.money_entry TO peyvand_app;

CREATE TABLE network.money_posting (
    money_entry_id uuid NOT NULL,
    line bigint NOT NULL,
    account text NOT NULL,
    party_id uuid NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT pk_money_posting PRIMARY KEY (money_entry_id, line),
    CONSTRAINT fk_money_posting_money_entry_id_money_entry FOREIGN KEY (money_entry_id)
        REFERENCES network.money_entry (money_entry_id),
    CONSTRAINT ck_money_posting_account CHECK (
        account IN (
            'settlement', 'deposit', 'reserve', 'pool', 'margin', 'fees', 'vat', 'rounding',
            'breakage', 'clearing', 'bank', 'fund'
        )
    ),
    CONSTRAINT ck_money_posting_amount CHECK (amount <> 0),
    CONSTRAINT ck_money_posting_currency CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE INDEX ix_money_posting_account ON network.money_posting
    (account, party_id, currency) INCLUDE (amount);
GRANT SELECT, INSERT ON network.money_posting TO peyvand_app;

-- Sums of the postings of days whose windows are settled, which is when a day's money is final
-- (network/money/kept.py), up to one day for all.
CREATE TABLE network.money_kept (
    account text NOT NULL,
    party_id uuid NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT pk_money_kept PRIMARY KEY (account, party_id, currency)
);
GRANT SELECT, INSERT ON network.money_kept TO peyvand_app;
GRANT UPDATE (amount) ON network.money_kept TO peyvand_app;

CREATE TABLE network.money_kept_through (
    only_row boolean NOT NULL DEFAULT true,
    through date,
    CONSTRAINT pk_money_kept_through PRIMARY KEY (only_row),
    CONSTRAINT ck_money_kept_through_only_row CHECK (only_row)
);
INSERT INTO network.money_kept_through DEFAULT VALUES;
GRANT SELECT ON network.money_kept_through TO peyvand_app;
GRANT UPDATE (through) ON network.money_kept_through TO peyvand_app;

-- Every money entry sums to zero per currency, whoever inserts its lines; all lines of an entry are
-- inserted by one statement.
CREATE FUNCTION network.refuse_unbalanced_money() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.money_entry_id, a.currency, sum(a.amount) AS difference INTO wrong
    FROM added AS a GROUP BY a.money_entry_id, a.currency HAVING sum(a.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'money entry % is off by % %',
            wrong.money_entry_id, wrong.difference, wrong.currency
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION network.refuse_unbalanced_money() FROM PUBLIC;
CREATE TRIGGER balanced AFTER INSERT ON network.money_posting
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_unbalanced_money();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.money_entry
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.money_posting
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- At most one payment per merchant, window and currency. amount is above zero; direction says who
-- pays. What it says never changes; its state moves forward.
CREATE TABLE network.payment (
    payment_id uuid NOT NULL,
    window_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    direction text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    iban text NOT NULL,
    holder text NOT NULL,
    mandate_id text,
    mandate_signed_on date,
    end_to_end_id text NOT NULL,
    state text NOT NULL DEFAULT 'prepared',
    CONSTRAINT pk_payment PRIMARY KEY (payment_id),
    CONSTRAINT uq_payment_window_id_merchant_id_currency
        UNIQUE (window_id, merchant_id, currency),
    CONSTRAINT uq_payment_end_to_end_id UNIQUE (end_to_end_id),
    CONSTRAINT fk_payment_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT fk_payment_merchant_id_merchant FOREIGN KEY (merchant_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_payment_direction CHECK (direction IN ('payout', 'collection')),
    CONSTRAINT ck_payment_amount CHECK (amount > 0),
    CONSTRAINT ck_payment_state CHECK (
        state IN ('prepared', 'released', 'settled', 'returned', 'cancelled')
    ),
    CONSTRAINT ck_payment_mandate CHECK ((mandate_id IS NULL) = (mandate_signed_on IS NULL)),
    CONSTRAINT ck_payment_end_to_end_id CHECK (end_to_end_id ~ '^[A-Z0-9]{1,35}$')
);
CREATE INDEX ix_payment_merchant_id ON network.payment (merchant_id);
CREATE INDEX ix_payment_under_way ON network.payment (merchant_id)
    WHERE state IN ('prepared', 'released');
GRANT SELECT, INSERT ON network.payment TO peyvand_app;
GRANT UPDATE (state) ON network.payment TO peyvand_app;

-- Two people let a window's payments leave the house. The totals are what both of them saw.
CREATE TABLE network.payment_release (
    window_id uuid NOT NULL,
    payouts bigint NOT NULL,
    payout_total bigint NOT NULL,
    collections bigint NOT NULL,
    collection_total bigint NOT NULL,
    directs bigint NOT NULL,
    direct_total bigint NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    CONSTRAINT pk_payment_release PRIMARY KEY (window_id),
    CONSTRAINT fk_payment_release_window_id_settlement_window FOREIGN KEY (window_id)
        REFERENCES network.settlement_window (window_id),
    CONSTRAINT ck_payment_release_two_people CHECK (
        (approved_by IS NULL) = (approved_at IS NULL) AND approved_by <> proposed_by
    )
);
GRANT SELECT, INSERT ON network.payment_release TO peyvand_app;
GRANT UPDATE (approved_by, approved_at) ON network.payment_release TO peyvand_app;

-- What the bank's statements (camt.053) said. A line is known by the bank's own reference and its
-- place there, so that the same line in two files counts once.
CREATE TABLE network.bank_answer (
    bank_answer_id uuid NOT NULL,
    account text NOT NULL,
    bank_ref text NOT NULL,
    place bigint NOT NULL,
    end_to_end_id text,
    credit boolean NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    booked_on date NOT NULL,
    returned boolean NOT NULL,
    reason text,
    outcome text NOT NULL,
    payment_id uuid,
    document_digest bytea NOT NULL,
    imported_by uuid NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT pk_bank_answer PRIMARY KEY (bank_answer_id),
    CONSTRAINT uq_bank_answer_line UNIQUE (account, bank_ref, place),
    CONSTRAINT fk_bank_answer_payment_id_payment FOREIGN KEY (payment_id)
        REFERENCES network.payment (payment_id),
    CONSTRAINT ck_bank_answer_outcome CHECK (
        outcome IN ('settled', 'returned', 'mismatched', 'duplicate', 'unknown', 'late')
    ),
    CONSTRAINT ck_bank_answer_payment CHECK (
        (payment_id IS NOT NULL) = (outcome <> 'unknown')
    ),
    CONSTRAINT ck_bank_answer_amount CHECK (amount > 0),
    CONSTRAINT ck_bank_answer_bank_ref
        CHECK (bank_ref = btrim(regexp_replace(bank_ref, '\s+', ' ', 'g')))
);
CREATE INDEX ix_bank_answer_payment_id ON network.bank_answer (payment_id);
-- References are compared without regard to case: a deposit's is typed by a person.
CREATE INDEX ix_bank_answer_bank_ref ON network.bank_answer (upper(bank_ref));
CREATE INDEX ix_bank_answer_imported_at ON network.bank_answer (imported_at);
GRANT SELECT, INSERT ON network.bank_answer TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.bank_answer
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
