-- The ledger's tables. Only the functions of network/ledger/sql/ write them (SECURITY DEFINER);
-- the application role reads. Member tables lead with member_id, carry no foreign key to entries,
-- movements or merchants (checked nightly instead), and repeat member_id in every key.
-- A CHECK's expression is parsed anew by every statement that writes its table (about 3 µs for a
-- short one, 10 for a list of words or an equation), so the tables of the hot path have one CHECK
-- at most, on their figures, and it is a call of a function with the row: that is parsed in 1 µs.
-- A domain's rule is kept parsed, and only looked at where its column is written; so the rule of one
-- column is a domain's. The words (kinds, states) are literals of the functions.

-- Points that a wallet has or owes, and how many entries: never below zero.
-- The linter fears that such a rule is changed later under load; that of these domains is their meaning.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN ledger.figure AS bigint CONSTRAINT ck_figure CHECK (VALUE >= 0);
-- Points that move: some.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN ledger.moved_points AS bigint CONSTRAINT ck_moved_points CHECK (VALUE > 0);
-- Minor units of currency per point: an amount, which NaN is not, though it passes for above zero.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN ledger.price AS numeric(20, 10) CONSTRAINT ck_price
    CHECK (VALUE BETWEEN 0 AND 9999999999);
-- A day of a lot's life: one that comes. Nobody can reckon with one at the end of time.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN ledger.lot_day AS date CONSTRAINT ck_lot_day CHECK (isfinite(VALUE));
-- A merchant's own name for an event: some text.
-- squawk-ignore ban-create-domain-with-constraint
CREATE DOMAIN ledger.merchant_ref AS text CONSTRAINT ck_merchant_ref CHECK (VALUE <> '');

-- ---------------------------------------------------------------- days
-- The table, not the clock, says which day is open. flipped_at: the next day took over.
-- closed_at: every writer that might still have posted into it has ended.
CREATE TABLE ledger.business_day (
    business_date date NOT NULL,
    opened_at timestamptz NOT NULL,
    flipped_at timestamptz,
    closed_at timestamptz,
    CONSTRAINT pk_business_day PRIMARY KEY (business_date),
    CONSTRAINT ck_business_day_order CHECK (closed_at IS NULL OR flipped_at IS NOT NULL)
);
-- One open day: the index holds at most one row. It is also how a posting finds the day.
CREATE UNIQUE INDEX uq_business_day_open ON ledger.business_day ((flipped_at IS NULL))
    WHERE flipped_at IS NULL;

-- Issuers whose points two people suspended: none are spent, given away or made (30_lots.sql). Empty
-- nearly always, and read by every call that spends or earns, so it has no more than it needs.
CREATE TABLE ledger.suspended_issuer (
    issuer_id uuid NOT NULL,
    proposal_id uuid NOT NULL,
    suspended_at timestamptz NOT NULL,
    CONSTRAINT pk_suspended_issuer PRIMARY KEY (issuer_id)
);

-- A closed day's entry digests as a stream, chained to the day before (network/ledger/seal.py).
CREATE TABLE ledger.seal (
    business_date date NOT NULL,
    version smallint NOT NULL,
    previous_head bytea NOT NULL,
    head bytea NOT NULL,
    entries bigint NOT NULL,
    movements bigint NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_seal PRIMARY KEY (business_date),
    CONSTRAINT fk_seal_business_date_business_day FOREIGN KEY (business_date)
        REFERENCES ledger.business_day (business_date),
    CONSTRAINT ck_seal_head CHECK (octet_length(head) = 32 AND octet_length(previous_head) = 32),
    CONSTRAINT ck_seal_counts CHECK (entries >= 0 AND movements >= 0)
);

-- ---------------------------------------------------------------- wallets and lots
-- The row that an operation locks first. due_on is a lower bound of the first day on which one of
-- the wallet's lots starts or lapses, so that most calls need not look. fillfactor leaves room for
-- the next version of the row on its own page (heap-only updates: no index is touched).
CREATE TABLE ledger.wallet (
    member_id uuid NOT NULL,
    available ledger.figure NOT NULL DEFAULT 0,
    pending ledger.figure NOT NULL DEFAULT 0,
    held ledger.figure NOT NULL DEFAULT 0,
    debt ledger.figure NOT NULL DEFAULT 0,
    sequence ledger.figure NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'active',
    due_on date,
    moved_to uuid,
    CONSTRAINT pk_wallet PRIMARY KEY (member_id)
) WITH (fillfactor = 60);
-- The night's expiry and activation ask who is due.
CREATE INDEX ix_wallet_due ON ledger.wallet (due_on) WHERE due_on IS NOT NULL;
-- A wallet that joined a shared one or was merged is closed and says where its points went: refunds
-- of what it had done still reach it, and what they leave there follows (ledger.forward).
CREATE INDEX ix_wallet_moved_to ON ledger.wallet (moved_to) WHERE moved_to IS NOT NULL;

-- lot_id is 1,000,000 × the sequence of the entry that made the lot, plus its place there.
-- open mirrors remaining > 0 in a column of its own, so that the partial index changes only when a
-- lot is used up, not whenever remaining moves. Writers set it and the CHECK compares it: a
-- generated column's expression is parsed and planned by every statement that writes the table.
CREATE TABLE ledger.lot (
    member_id uuid NOT NULL,
    lot_id bigint NOT NULL,
    parent_lot_id bigint,
    issuer_id uuid NOT NULL,
    campaign_id uuid,
    terms_id uuid NOT NULL,
    locked_to uuid,
    price ledger.price NOT NULL,
    active boolean NOT NULL,
    open boolean NOT NULL DEFAULT true,
    active_from ledger.lot_day NOT NULL,
    expires_on ledger.lot_day NOT NULL,
    made_on date NOT NULL,
    granted bigint NOT NULL,
    remaining bigint NOT NULL,
    held bigint NOT NULL DEFAULT 0,
    redeemed bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    clawed_back bigint NOT NULL DEFAULT 0,
    moved bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_lot PRIMARY KEY (member_id, lot_id)
) WITH (fillfactor = 80);
CREATE FUNCTION ledger.equation_holds(l ledger.lot) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN l.granted = l.remaining + l.held + l.redeemed + l.expired + l.clawed_back + l.moved
        AND least(l.remaining, l.held, l.redeemed, l.expired, l.clawed_back, l.moved) >= 0
        AND l.active_from < l.expires_on
        AND l.open = (l.remaining > 0);
END
$$;
ALTER TABLE ledger.lot
    ADD CONSTRAINT ck_lot_equation CHECK (ledger.equation_holds(lot));
-- Taking order within a wallet (locked credit first), over open lots only: the first lot is found
-- without a sort, however many are open and however many are used up.
CREATE INDEX ix_lot_open ON ledger.lot (member_id, (locked_to IS NULL), expires_on, lot_id)
    WHERE open;
-- The audit's month of lots. They arrive in the order of days, so a block range index finds them for
-- next to nothing per insert, and it keeps no update from being heap-only. A night that ends many old
-- lots moves some among the new: of a range with both, several intervals know what it hasn't.
CREATE INDEX ix_lot_made ON ledger.lot USING brin (made_on date_minmax_multi_ops);

-- ---------------------------------------------------------------- entries and movements
-- What a purchase earned stands in its entry (earned), a row of numbers for each grant: the purchase's
-- line (-1: the rest of the base, which earned nothing), the base that was paid for, and the points. Where
-- a purchase made several lots, a fourth number is the place of the one that has the points.
CREATE TABLE ledger.entry (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    kind text NOT NULL,
    merchant_id uuid,
    store_id uuid,
    terminal text,
    merchant_ref text,
    receipt text,
    channel text,
    amount bigint,
    base bigint,
    currency text,
    original_sequence bigint,
    original_date date,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    explanation json NOT NULL,
    earned bigint[],
    digest bytea NOT NULL,
    CONSTRAINT pk_entry PRIMARY KEY (member_id, sequence, business_date)
) PARTITION BY RANGE (business_date);
-- A merchant's own entries by day, for its list and its statement.
CREATE INDEX ix_entry_merchant
    ON ledger.entry (merchant_id, business_date, member_id, sequence);
-- One day out of a month for the seal and for sums: rows arrive in the order of days, so a block
-- range index finds them for next to nothing per insert.
CREATE INDEX ix_entry_day ON ledger.entry USING brin (business_date);

-- In the wallet: pending, available, held, and debt (owed to the issuer). Outside it, per issuer:
-- issuance, redemption (to acceptor_id), expiry, clawback (taken back from lots), receivable (the
-- other side of debt), adjustment (by operators), transfer (between wallets). Nothing else is one.
-- debt holds minus what the member owes: debt → receivable makes a debt, receivable → debt repays
-- one. So a repayment is two movements: points leave their lot for clawback, and the debt shrinks by
-- as many. Which ways points may go for each kind of entry stands in network/ledger/paths.py.
CREATE TYPE ledger.account AS ENUM (
    'pending', 'available', 'held', 'debt', 'issuance', 'clawback', 'receivable', 'redemption',
    'expiry', 'adjustment', 'transfer'
);
-- Points that go from one account to another, those of one issuer and under the same terms: double
-- entry as one row, so that debits and credits agree because they are the same figure. They leave
-- lot_id and, where they go on in a child lot, enter target_lot_id. line counts an entry's movements
-- from 1.
CREATE TABLE ledger.movement (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    line integer NOT NULL,
    business_date date NOT NULL,
    source ledger.account NOT NULL,
    target ledger.account NOT NULL,
    issuer_id uuid NOT NULL,
    acceptor_id uuid,
    lot_id bigint,
    target_lot_id bigint,
    terms_id uuid,
    priced_on date,
    points ledger.moved_points NOT NULL,
    CONSTRAINT pk_movement PRIMARY KEY (member_id, sequence, line, business_date)
) PARTITION BY RANGE (business_date);
CREATE INDEX ix_movement_day ON ledger.movement USING brin (business_date);
-- The same as people read books: two lines per movement, 2n - 1 out of the source, below zero, and
-- 2n into the target.
CREATE VIEW ledger.posting AS
    SELECT m.member_id, m.sequence, 2 * m.line - 1 AS line, m.business_date,
           m.source::text AS account, m.issuer_id, m.acceptor_id, m.lot_id, m.terms_id,
           m.priced_on, -m.points AS points
    FROM ledger.movement AS m
    UNION ALL
    SELECT m.member_id, m.sequence, 2 * m.line, m.business_date, m.target::text, m.issuer_id,
           m.acceptor_id, coalesce(m.target_lot_id, m.lot_id), m.terms_id, m.priced_on, m.points
    FROM ledger.movement AS m;

-- What refunds have taken back of a purchase's parts (ledger.earned_part), which stand here again; a
-- purchase that nobody refunds writes nothing here. refunded is of the base, clawed_back of the points.
CREATE TABLE ledger.taken_back (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    part integer NOT NULL,
    issuer_id uuid NOT NULL,
    base bigint NOT NULL,
    points bigint NOT NULL,
    refunded bigint NOT NULL,
    clawed_back bigint NOT NULL,
    CONSTRAINT pk_taken_back PRIMARY KEY (member_id, sequence, part),
    CONSTRAINT ck_taken_back_parts CHECK (
        refunded BETWEEN 0 AND base AND clawed_back BETWEEN 0 AND points
    )
);

-- What refunds have put back of the slices that a redemption took: of the movement (line) with which
-- an entry paid an acceptor, whose points stand here again. The slices themselves are those movements
-- (ledger.consumption), so a redemption that nobody refunds writes nothing here.
CREATE TABLE ledger.redeposited (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    line integer NOT NULL,
    points bigint NOT NULL,
    refunded bigint NOT NULL,
    CONSTRAINT pk_redeposited PRIMARY KEY (member_id, sequence, line),
    CONSTRAINT ck_redeposited_refunded CHECK (refunded BETWEEN 1 AND points)
);

-- A merchant's own name for an event, once per member and kind, for good. A voided authorisation
-- frees its reference; a reversal bars it, also before the call it reverses arrives. A wallet that
-- moves takes its references along (moved): moved_from is the wallet where such a one was used.
CREATE TABLE ledger.reference (
    member_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    kind text NOT NULL,
    merchant_ref ledger.merchant_ref NOT NULL,
    state text NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    moved_from uuid,
    CONSTRAINT pk_reference PRIMARY KEY (member_id, merchant_id, kind, merchant_ref)
);

-- ---------------------------------------------------------------- holds and debts
-- capture_sequence is the capture's entry; ended_sequence that of the void or release.
CREATE TABLE ledger.hold (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    merchant_id uuid NOT NULL,
    merchant_ref text NOT NULL,
    state text NOT NULL DEFAULT 'authorised',
    points bigint NOT NULL,
    captured bigint NOT NULL DEFAULT 0,
    hold_until timestamptz NOT NULL,
    capture_sequence bigint,
    ended_sequence bigint,
    CONSTRAINT pk_hold PRIMARY KEY (member_id, sequence),
    CONSTRAINT ck_hold_state CHECK (state IN ('authorised', 'captured', 'voided', 'released')),
    CONSTRAINT ck_hold_points CHECK (points > 0 AND captured BETWEEN 0 AND points),
    CONSTRAINT ck_hold_capture CHECK (
        (state = 'captured') = (capture_sequence IS NOT NULL)
        AND (state = 'captured') = (captured > 0)
    )
);
-- Open holds only: those of one wallet whose life ran out, and all of them for the night.
CREATE INDEX ix_hold_open ON ledger.hold (member_id, hold_until) WHERE state = 'authorised';

CREATE TABLE ledger.hold_slice (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    part integer NOT NULL,
    lot_id bigint NOT NULL,
    points bigint NOT NULL,
    captured bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_hold_slice PRIMARY KEY (member_id, sequence, part),
    CONSTRAINT ck_hold_slice_points CHECK (points > 0 AND captured BETWEEN 0 AND points)
);

CREATE TABLE ledger.debt (
    member_id uuid NOT NULL,
    issuer_id uuid NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT pk_debt PRIMARY KEY (member_id, issuer_id),
    CONSTRAINT ck_debt_points CHECK (points >= 0)
);

-- ---------------------------------------------------------------- requests
-- (client_id, key) alone is the key: the same key for another member is a conflict too.
CREATE TABLE ledger.idempotency (
    client_id uuid NOT NULL,
    key text NOT NULL,
    member_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    result json NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (client_id, key)
);

-- The signed request behind an entry, kept by day so that old days are dropped whole.
CREATE TABLE ledger.evidence (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    business_date date NOT NULL,
    key_id text NOT NULL,
    signature_base bytea NOT NULL,
    signature bytea NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT pk_evidence PRIMARY KEY (member_id, sequence, business_date)
) PARTITION BY RANGE (business_date);

-- A member's rotating code works once; its digest is kept until no clock could accept it.
CREATE TABLE ledger.used_code (
    member_id uuid NOT NULL,
    digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT pk_used_code PRIMARY KEY (member_id, digest)
);

-- ---------------------------------------------------------------- arguments and results
CREATE TYPE ledger.claim_facts AS (client_id uuid, key text, fingerprint bytea);
CREATE TYPE ledger.event_facts AS (
    merchant_id uuid, merchant_ref text, effective_at timestamptz, store_id uuid, terminal text,
    receipt text, channel text, amount bigint, base bigint, currency text
);
CREATE TYPE ledger.evidence_facts AS (
    key_id text, signature_base bytea, signature bytea, body bytea
);
CREATE TYPE ledger.consent_facts AS (digest bytea, expires_at timestamptz, points_limit bigint);
CREATE TYPE ledger.grant_facts AS (
    issuer_id uuid, campaign_id uuid, terms_id uuid, locked_to uuid, price numeric, points bigint,
    base bigint, active_from date, expires_on date, line integer
);
-- A movement (ledger.movement) that an operation has decided on and not yet written.
CREATE TYPE ledger.step AS (
    source ledger.account, target ledger.account, issuer_id uuid, acceptor_id uuid, lot_id bigint,
    target_lot_id bigint, terms_id uuid, priced_on date, points bigint
);
CREATE TYPE ledger.posted AS (
    sequence bigint, business_date date, replayed boolean, result json
);
-- What an operation knows once it holds the wallet's lock, handed from helper to helper: the
-- wallet's figures as they will be, the day, and the movements of the entry being written.
-- business_date is the open day, on which the entry stands; today is the later of it and the
-- caller's calendar day, by which lots lapse and start. sequence is that of the entry being written,
-- lots counts those it has made so far, and repaid the points that went to a debt. The person at a
-- shared wallet's till (person_id) joins in 0033_pools.sql.
CREATE TYPE ledger.operation AS (
    member_id uuid, available bigint, pending bigint, held bigint, debt bigint, sequence bigint,
    status text, due_on date, business_date date, today date, lots integer, repaid bigint,
    moves ledger.step[], replay ledger.posted
);
