-- Reconciliation: merchants' own records of a business day, what they were matched with, the breaks
-- that were found, the corrections that two people make for them, and disputes of single lines.

-- One upload of a merchant's record. A later version of the same day supersedes the earlier one.
-- lines = agreeing + idle_lines + lines that stand in breaks; entries = agreeing + entries in breaks.
CREATE TABLE network.reconciliation (
    reconciliation_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    business_date date NOT NULL,
    version bigint NOT NULL,
    form text NOT NULL,
    digest bytea NOT NULL,
    size bigint NOT NULL,
    sent_by text NOT NULL,
    signature_base bytea,
    signature bytea,
    received_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    finished_at timestamptz,
    state text NOT NULL,
    lines bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0,
    agreeing bigint NOT NULL DEFAULT 0,
    idle_lines bigint NOT NULL DEFAULT 0,
    breaks bigint NOT NULL DEFAULT 0,
    faulty bigint NOT NULL DEFAULT 0,
    faults jsonb,
    attempts bigint NOT NULL DEFAULT 0,
    failure text,
    CONSTRAINT pk_reconciliation PRIMARY KEY (reconciliation_id),
    CONSTRAINT uq_reconciliation_version UNIQUE (merchant_id, business_date, version),
    CONSTRAINT fk_reconciliation_merchant_id_merchant FOREIGN KEY (merchant_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_reconciliation_form CHECK (form IN ('csv', 'jsonl')),
    CONSTRAINT ck_reconciliation_digest CHECK (octet_length(digest) = 32 AND size > 0),
    CONSTRAINT ck_reconciliation_signed CHECK ((signature IS NULL) = (signature_base IS NULL)),
    CONSTRAINT ck_reconciliation_state CHECK (
        state IN ('waiting', 'done', 'refused', 'superseded', 'failed')
    ),
    -- While it waits, failure is how the last attempt ended; worker_lost until one says so.
    CONSTRAINT ck_reconciliation_failure CHECK (
        attempts >= 0 AND CASE state WHEN 'waiting' THEN true
                                     ELSE (state = 'failed') = (failure IS NOT NULL) END
    ),
    CONSTRAINT ck_reconciliation_finished CHECK ((state = 'waiting') = (finished_at IS NULL)),
    CONSTRAINT ck_reconciliation_faults CHECK (
        (state = 'refused') = (faults IS NOT NULL) AND (faults IS NULL) = (faulty = 0)
    ),
    CONSTRAINT ck_reconciliation_counts CHECK (
        least(lines, entries, agreeing, idle_lines, breaks, faulty) >= 0
    )
);
CREATE INDEX ix_reconciliation_waiting ON network.reconciliation (touched_at)
    WHERE state = 'waiting';
CREATE INDEX ix_reconciliation_received_at ON network.reconciliation (received_at);
GRANT SELECT, INSERT ON network.reconciliation TO peyvand_app;
GRANT UPDATE (touched_at, finished_at, state, lines, entries, agreeing, idle_lines, breaks, faulty,
              faults, attempts, failure)
    ON network.reconciliation TO peyvand_app;

-- The record as it was given, in pieces, sealed: it may name people.
CREATE TABLE network.reconciliation_part (
    reconciliation_id uuid NOT NULL,
    number bigint NOT NULL,
    sealed_content bytea NOT NULL,
    CONSTRAINT pk_reconciliation_part PRIMARY KEY (reconciliation_id, number),
    CONSTRAINT fk_reconciliation_part_reconciliation_id_reconciliation
        FOREIGN KEY (reconciliation_id) REFERENCES network.reconciliation (reconciliation_id)
);
ALTER TABLE network.reconciliation_part ALTER sealed_content SET STORAGE EXTERNAL;
GRANT SELECT, INSERT ON network.reconciliation_part TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.reconciliation_part
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- Which line is which entry, of the versions in force. No foreign key: a million rows are written at
-- once, by the transaction that holds their reconciliation.
CREATE TABLE network.reconciliation_match (
    reconciliation_id uuid NOT NULL,
    line bigint NOT NULL,
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    method text NOT NULL,
    CONSTRAINT pk_reconciliation_match PRIMARY KEY (reconciliation_id, line),
    CONSTRAINT uq_reconciliation_match_entry UNIQUE (reconciliation_id, member_id, sequence)
);
GRANT SELECT, INSERT, DELETE ON network.reconciliation_match TO peyvand_app;

-- A difference. subject names what differs through all versions of a day's record: an entry of ours,
-- or a line of the merchant's that is no entry.
CREATE TABLE network.reconciliation_break (
    break_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    business_date date NOT NULL,
    subject text NOT NULL,
    reconciliation_id uuid NOT NULL,
    kind text NOT NULL,
    kinds text[] NOT NULL,
    line bigint,
    theirs jsonb,
    member_id uuid,
    sequence bigint,
    ours jsonb,
    suggestion text NOT NULL,
    state text NOT NULL,
    owner_id uuid,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    resolution text,
    CONSTRAINT pk_reconciliation_break PRIMARY KEY (break_id),
    CONSTRAINT uq_reconciliation_break_subject UNIQUE (merchant_id, business_date, subject),
    CONSTRAINT fk_reconciliation_break_merchant_id_merchant FOREIGN KEY (merchant_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_reconciliation_break_reconciliation_id_reconciliation
        FOREIGN KEY (reconciliation_id) REFERENCES network.reconciliation (reconciliation_id),
    CONSTRAINT fk_reconciliation_break_owner_id_operator FOREIGN KEY (owner_id)
        REFERENCES network.operator (operator_id),
    CONSTRAINT ck_reconciliation_break_kind CHECK (kind IN (
        'missing_here', 'missing_there', 'points_differ', 'amount_differs', 'member_differs',
        'date_differs', 'duplicate', 'status_differs'
    )),
    CONSTRAINT ck_reconciliation_break_sides CHECK (
        (theirs IS NOT NULL OR ours IS NOT NULL) AND (theirs IS NULL) = (line IS NULL)
        AND (ours IS NULL) = (member_id IS NULL) AND (ours IS NULL) = (sequence IS NULL)
    ),
    CONSTRAINT ck_reconciliation_break_state CHECK (
        state IN ('open', 'proposed', 'resolved', 'gone')
        AND (state IN ('resolved', 'gone')) = (closed_at IS NOT NULL)
        AND (state = 'resolved') = (resolution IS NOT NULL)
    )
);
CREATE INDEX ix_reconciliation_break_open ON network.reconciliation_break (opened_at)
    WHERE closed_at IS NULL;
CREATE INDEX ix_reconciliation_break_reconciliation_id
    ON network.reconciliation_break (reconciliation_id, break_id);
GRANT SELECT, INSERT ON network.reconciliation_break TO peyvand_app;
GRANT UPDATE (reconciliation_id, kind, kinds, line, theirs, member_id, sequence, ours, suggestion,
              state, owner_id, closed_at, resolution)
    ON network.reconciliation_break TO peyvand_app;

-- What became of a break after it was opened, and what people said.
CREATE TABLE network.break_event (
    break_event_id uuid NOT NULL,
    break_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    words text,
    facts jsonb NOT NULL,
    CONSTRAINT pk_break_event PRIMARY KEY (break_event_id),
    CONSTRAINT fk_break_event_break_id_reconciliation_break FOREIGN KEY (break_id)
        REFERENCES network.reconciliation_break (break_id)
);
CREATE INDEX ix_break_event_break_id ON network.break_event (break_id, at);
GRANT SELECT, INSERT ON network.break_event TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.break_event
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- A merchant objects to one line; due_at is when it must have been decided. answer is what the network
-- says of the entry, signed with its key when the dispute was opened (RFC 8785 form, Ed25519).
CREATE TABLE network.dispute (
    dispute_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    break_id uuid,
    reason text NOT NULL,
    words text NOT NULL,
    wanted_points bigint,
    wanted_amount bigint,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    answer bytea NOT NULL,
    answer_key_id text NOT NULL,
    answer_signature bytea NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    decision text,
    CONSTRAINT pk_dispute PRIMARY KEY (dispute_id),
    CONSTRAINT fk_dispute_merchant_id_merchant FOREIGN KEY (merchant_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_dispute_break_id_reconciliation_break FOREIGN KEY (break_id)
        REFERENCES network.reconciliation_break (break_id),
    CONSTRAINT fk_dispute_decided_by_operator FOREIGN KEY (decided_by)
        REFERENCES network.operator (operator_id),
    CONSTRAINT ck_dispute_reason CHECK (
        reason IN ('points', 'amount', 'member', 'status', 'not_ours', 'other')
    ),
    CONSTRAINT ck_dispute_words CHECK (words <> '' AND length(words) <= 2000),
    CONSTRAINT ck_dispute_wanted CHECK (coalesce(wanted_points, 0) >= 0
                                        AND coalesce(wanted_amount, 0) >= 0),
    CONSTRAINT ck_dispute_due_at CHECK (due_at > opened_at),
    CONSTRAINT ck_dispute_state CHECK (
        state IN ('open', 'proposed', 'accepted', 'rejected')
        AND (state IN ('accepted', 'rejected')) = (decided_at IS NOT NULL)
        AND (decided_at IS NULL) = (decided_by IS NULL)
        AND (decided_at IS NULL) = (decision IS NULL)
    )
);
CREATE UNIQUE INDEX uq_dispute_open ON network.dispute (merchant_id, member_id, sequence)
    WHERE decided_at IS NULL;
CREATE INDEX ix_dispute_merchant_id ON network.dispute (merchant_id, dispute_id);
CREATE INDEX ix_dispute_due_at ON network.dispute (due_at) WHERE decided_at IS NULL;
GRANT SELECT, INSERT ON network.dispute TO peyvand_app;
GRANT UPDATE (state, decided_by, decided_at, decision) ON network.dispute TO peyvand_app;

CREATE TABLE network.dispute_note (
    dispute_note_id uuid NOT NULL,
    dispute_id uuid NOT NULL,
    at timestamptz NOT NULL,
    side text NOT NULL,
    author text NOT NULL,
    action text NOT NULL,
    words text NOT NULL,
    CONSTRAINT pk_dispute_note PRIMARY KEY (dispute_note_id),
    CONSTRAINT fk_dispute_note_dispute_id_dispute FOREIGN KEY (dispute_id)
        REFERENCES network.dispute (dispute_id),
    CONSTRAINT ck_dispute_note_side CHECK (side IN ('merchant', 'network')),
    CONSTRAINT ck_dispute_note_words
        CHECK ((words <> '') = (action <> 'declined') AND length(words) <= 2000)
);
CREATE INDEX ix_dispute_note_dispute_id ON network.dispute_note (dispute_id, at);
GRANT SELECT, INSERT ON network.dispute_note TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.dispute_note
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();

-- What is to move because of a break or a dispute: points (an adjustment of network/adjustments) or
-- money of the merchant's (amount: above zero the network pays). One proposes, another lets it.
CREATE TABLE network.correction (
    correction_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    break_id uuid,
    dispute_id uuid,
    resolution text NOT NULL,
    adjustment_id uuid,
    currency text,
    amount bigint,
    reason text NOT NULL,
    state text NOT NULL,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    business_date date,
    CONSTRAINT pk_correction PRIMARY KEY (correction_id),
    CONSTRAINT fk_correction_merchant_id_merchant FOREIGN KEY (merchant_id)
        REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_correction_break_id_reconciliation_break FOREIGN KEY (break_id)
        REFERENCES network.reconciliation_break (break_id),
    CONSTRAINT fk_correction_dispute_id_dispute FOREIGN KEY (dispute_id)
        REFERENCES network.dispute (dispute_id),
    CONSTRAINT fk_correction_adjustment_id_adjustment FOREIGN KEY (adjustment_id)
        REFERENCES network.adjustment (adjustment_id),
    CONSTRAINT fk_correction_proposed_by_operator FOREIGN KEY (proposed_by)
        REFERENCES network.operator (operator_id),
    CONSTRAINT fk_correction_decided_by_operator FOREIGN KEY (decided_by)
        REFERENCES network.operator (operator_id),
    CONSTRAINT ck_correction_about CHECK ((break_id IS NULL) <> (dispute_id IS NULL)),
    CONSTRAINT ck_correction_resolution CHECK (
        resolution IN ('post_earn', 'adjust_points', 'adjust_money')
    ),
    CONSTRAINT ck_correction_moves CHECK (
        (amount IS NULL) = (currency IS NULL) AND (amount IS NULL) <> (adjustment_id IS NULL)
        AND amount <> 0 AND (resolution = 'adjust_money') = (amount IS NOT NULL)
    ),
    CONSTRAINT ck_correction_reason CHECK (reason <> '' AND length(reason) <= 500),
    CONSTRAINT ck_correction_state CHECK (
        state IN ('proposed', 'posted', 'declined')
        AND (state = 'proposed') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL)
        AND (state = 'posted') = (business_date IS NOT NULL)
    ),
    CONSTRAINT ck_correction_two_people CHECK (state <> 'posted' OR decided_by <> proposed_by)
);
CREATE INDEX ix_correction_proposed ON network.correction (proposed_at)
    WHERE state = 'proposed';
CREATE UNIQUE INDEX uq_correction_adjustment_id ON network.correction (adjustment_id);
CREATE INDEX ix_correction_break_id ON network.correction (break_id);
CREATE INDEX ix_correction_dispute_id ON network.correction (dispute_id);
GRANT SELECT, INSERT ON network.correction TO peyvand_app;
GRANT UPDATE (state, decided_by, decided_at, business_date) ON network.correction TO peyvand_app;

-- Points that move for a correction stand as an adjustment on the page of their wallet as well. Whoever
-- decides one there decides both, or the break could never be decided again.
CREATE FUNCTION network.decided_with_its_correction() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (
        SELECT FROM network.correction AS c
        JOIN network.adjustment AS a ON a.adjustment_id = c.adjustment_id
        WHERE c.adjustment_id = NEW.adjustment_id AND c.state <> a.state
    ) THEN
        RAISE EXCEPTION 'an adjustment is decided with the correction that it is for'
            USING ERRCODE = '23514', CONSTRAINT = 'with_its_correction';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION network.decided_with_its_correction() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER with_its_correction AFTER UPDATE ON network.adjustment
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION network.decided_with_its_correction();
CREATE CONSTRAINT TRIGGER with_its_adjustment AFTER INSERT OR UPDATE ON network.correction
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION network.decided_with_its_correction();
