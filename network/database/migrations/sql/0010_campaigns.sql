-- Campaigns: what they promise (network), and what is left of their budgets (ledger).

-- ---------------------------------------------------------------- what is promised
-- What a campaign says never changes: only its state does. An empty array in the audience means
-- everybody (every shop, tier, channel, category). Days are those of the purchase, both included.
CREATE TABLE network.campaign (
    campaign_id uuid NOT NULL,
    code text NOT NULL,
    name_fa text NOT NULL,
    name_en text NOT NULL,
    owner_id uuid NOT NULL,
    kind text NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    minimum_amount bigint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    merchants uuid[] NOT NULL,
    tiers text[] NOT NULL,
    channels text[] NOT NULL,
    categories text[] NOT NULL,
    person_cap bigint,
    day_cap bigint,
    budget bigint NOT NULL,
    slices integer NOT NULL,
    state text NOT NULL,
    proposed_by uuid,
    proposed_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    CONSTRAINT pk_campaign PRIMARY KEY (campaign_id),
    CONSTRAINT uq_campaign_code UNIQUE (code),
    CONSTRAINT fk_campaign_proposed_by_operator
        FOREIGN KEY (proposed_by) REFERENCES network.operator (operator_id),
    CONSTRAINT fk_campaign_approved_by_operator
        FOREIGN KEY (approved_by) REFERENCES network.operator (operator_id),
    CONSTRAINT ck_campaign_code CHECK (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40),
    CONSTRAINT ck_campaign_names CHECK (name_fa <> '' AND name_en <> ''),
    -- A multiplier is a factor above one; a bonus is a whole number of points.
    CONSTRAINT ck_campaign_kind CHECK (
        (kind = 'multiplier' AND denominator > 0 AND numerator > denominator)
        OR (kind = 'bonus' AND denominator = 1 AND numerator > 0)
    ),
    CONSTRAINT ck_campaign_minimum_amount CHECK (minimum_amount >= 0),
    CONSTRAINT ck_campaign_days CHECK (first_day <= last_day),
    CONSTRAINT ck_campaign_caps CHECK (person_cap > 0 AND day_cap > 0),
    CONSTRAINT ck_campaign_budget CHECK (slices BETWEEN 16 AND 64 AND budget >= slices),
    CONSTRAINT ck_campaign_state CHECK (
        state IN ('draft', 'approved', 'paused', 'ended', 'declined')
    ),
    CONSTRAINT ck_campaign_two_people CHECK (
        (state IN ('draft', 'declined')) = (approved_at IS NULL)
        AND (approved_by IS NULL OR approved_at IS NOT NULL)
        AND (approved_at IS NULL OR proposed_by IS NULL OR approved_by IS NOT NULL)
        AND (approved_by IS NULL OR proposed_by IS NULL OR approved_by <> proposed_by)
    )
);
GRANT SELECT, INSERT ON network.campaign TO peyvand_app;
GRANT UPDATE (state, approved_by, approved_at) ON network.campaign TO peyvand_app;

-- Who pays, in ten-thousandths that add up to the whole; place breaks ties of rounding. The network
-- is a party like a merchant (network/clearing/parties.py), so there is no foreign key.
CREATE TABLE network.campaign_funder (
    campaign_id uuid NOT NULL,
    place integer NOT NULL,
    party_id uuid NOT NULL,
    share integer NOT NULL,
    CONSTRAINT pk_campaign_funder PRIMARY KEY (campaign_id, place),
    CONSTRAINT fk_campaign_funder_campaign_id_campaign
        FOREIGN KEY (campaign_id) REFERENCES network.campaign (campaign_id),
    CONSTRAINT uq_campaign_funder_campaign_id_party_id UNIQUE (campaign_id, party_id),
    CONSTRAINT ck_campaign_funder_share CHECK (share BETWEEN 1 AND 10000)
);
GRANT SELECT, INSERT ON network.campaign_funder TO peyvand_app;

CREATE FUNCTION network.shares_are_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF (SELECT sum(f.share) FROM network.campaign_funder AS f
        WHERE f.campaign_id = NEW.campaign_id) IS DISTINCT FROM 10000 THEN
        RAISE EXCEPTION 'the shares of a campaign''s funders do not add up to 100 %%'
            USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION network.shares_are_whole() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON network.campaign_funder
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION network.shares_are_whole();
CREATE CONSTRAINT TRIGGER funded AFTER INSERT ON network.campaign
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION network.shares_are_whole();

-- ---------------------------------------------------------------- what is left
-- An approved campaign as the ledger knows it. Its budget lies in slices, so that no row is locked
-- by every purchase; what is clawed back does not come back to a slice.
CREATE TABLE ledger.campaign (
    campaign_id uuid NOT NULL,
    running boolean NOT NULL,
    budget bigint NOT NULL,
    slices integer NOT NULL,
    person_cap bigint,
    day_cap bigint,
    CONSTRAINT pk_campaign PRIMARY KEY (campaign_id),
    CONSTRAINT ck_campaign_budget CHECK (slices > 0 AND budget >= slices),
    CONSTRAINT ck_campaign_caps CHECK (person_cap > 0 AND day_cap > 0)
);
CREATE TABLE ledger.campaign_slice (
    campaign_id uuid NOT NULL,
    slice integer NOT NULL,
    budget bigint NOT NULL,
    taken bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_campaign_slice PRIMARY KEY (campaign_id, slice),
    CONSTRAINT ck_campaign_slice_taken CHECK (taken BETWEEN 0 AND budget)
) WITH (fillfactor = 50);

-- What a purchase took, and from which slices.
CREATE TABLE ledger.campaign_taking (
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    campaign_id uuid NOT NULL,
    slice integer NOT NULL,
    business_date date NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT pk_campaign_taking PRIMARY KEY (member_id, sequence, campaign_id, slice),
    CONSTRAINT ck_campaign_taking_points CHECK (points > 0)
);
-- The entries behind a campaign's figures, in the order of days.
CREATE INDEX ix_campaign_taking_campaign
    ON ledger.campaign_taking (campaign_id, business_date, member_id, sequence);

-- What a person has had of a campaign in all, and on the last day on which it was anything. brought
-- and brought_day are what of the two was had in another wallet, before that one joined or was merged.
CREATE TABLE ledger.campaign_person (
    member_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    points bigint NOT NULL,
    day date NOT NULL,
    day_points bigint NOT NULL,
    brought bigint NOT NULL DEFAULT 0,
    brought_day bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_campaign_person PRIMARY KEY (member_id, campaign_id),
    CONSTRAINT ck_campaign_person_points CHECK (
        day_points > 0 AND points >= day_points AND brought BETWEEN 0 AND points
        AND brought_day BETWEEN 0 AND day_points
    )
);
REVOKE ALL ON ledger.campaign, ledger.campaign_slice, ledger.campaign_taking,
    ledger.campaign_person FROM PUBLIC;
GRANT SELECT ON ledger.campaign, ledger.campaign_slice, ledger.campaign_taking,
    ledger.campaign_person TO peyvand_app;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.campaign_taking
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.campaign
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.campaign_slice
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger.campaign_person
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();

-- One of many purchases that campaigns may add to (76_earn_in_campaigns.sql). lots are what it grants,
-- a row for each lot it makes; expected is the sequence that its price was reckoned with.
CREATE TYPE ledger.campaign_item AS (
    place integer, member_id uuid, sequence bigint, points bigint, active boolean, together boolean,
    lots ledger.grant_facts[], merchant_id uuid, merchant_ref text, active_from date,
    expires_on date, amount bigint, base bigint, earned bigint[], last boolean, available bigint,
    pending bigint, held bigint, due_on date, expected bigint, effective_at timestamptz,
    store_id uuid, terminal text, receipt text, channel text, currency text, explanation json
);
-- Slices of a campaign's budget that a transaction holds, and what they have left together.
CREATE TYPE ledger.held_budget AS (
    campaign_id uuid, slices integer[], points bigint, wanted bigint
);
