-- Merchants, their stores, keys and agreements; what a point is worth and what a purchase earns.

CREATE TABLE network.merchant (
    merchant_id uuid NOT NULL,
    code text NOT NULL,
    name_fa text NOT NULL,
    name_en text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    joined_at timestamptz NOT NULL,
    leaves_on date,
    -- Whether it may give points: not while it owes as much as it may (network/exposure), nor once
    -- two people have suspended its points.
    issuing text NOT NULL DEFAULT 'open',
    directory_fa text,
    directory_en text,
    directory_url text,
    CONSTRAINT pk_merchant PRIMARY KEY (merchant_id),
    CONSTRAINT uq_merchant_code UNIQUE (code),
    CONSTRAINT ck_merchant_code CHECK (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40),
    CONSTRAINT ck_merchant_names CHECK (name_fa <> '' AND name_en <> ''),
    CONSTRAINT ck_merchant_kind CHECK (kind ~ '^[a-z0-9]+(_[a-z0-9]+)*$'),
    CONSTRAINT ck_merchant_status CHECK (
        status IN ('applied', 'declined', 'approved', 'active', 'suspended', 'leaving', 'left')
    ),
    CONSTRAINT ck_merchant_leaves_on
        CHECK (leaves_on IS NOT NULL OR status NOT IN ('leaving', 'left')),
    CONSTRAINT ck_merchant_issuing CHECK (issuing IN ('open', 'limit', 'default'))
);
GRANT SELECT, INSERT ON network.merchant TO peyvand_app;
GRANT UPDATE
    (code, name_fa, name_en, kind, status, joined_at, leaves_on, issuing, directory_fa,
     directory_en, directory_url)
    ON network.merchant TO peyvand_app;

-- Statements, files and the reader's addresses name a merchant by its code.
CREATE FUNCTION network.merchant_keeps_its_code() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a merchant keeps its code once it is approved' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER merchant_code_kept
    BEFORE UPDATE OF code ON network.merchant
    FOR EACH ROW WHEN (OLD.status <> 'applied' AND OLD.code <> NEW.code)
    EXECUTE FUNCTION network.merchant_keeps_its_code();

CREATE TABLE network.store (
    store_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    code text NOT NULL,
    name_fa text NOT NULL,
    name_en text NOT NULL,
    city_fa text NOT NULL,
    city_en text NOT NULL,
    closed_at timestamptz,
    CONSTRAINT pk_store PRIMARY KEY (store_id),
    CONSTRAINT fk_store_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT uq_store_merchant_id_code UNIQUE (merchant_id, code),
    CONSTRAINT ck_store_code CHECK (code <> '' AND length(code) <= 64),
    CONSTRAINT ck_store_names CHECK (name_fa <> '' AND name_en <> '')
);
GRANT SELECT, INSERT ON network.store TO peyvand_app;
GRANT UPDATE (name_fa, name_en, city_fa, city_en, closed_at) ON network.store TO peyvand_app;

-- Of an Ed25519 key only the public half is here; an HMAC secret is sealed. A key opens what its
-- scopes name, until it is revoked or its overlap with the key that replaces it has run out.
CREATE TABLE network.merchant_key (
    key_id text NOT NULL,
    merchant_id uuid NOT NULL,
    environment text NOT NULL,
    algorithm text NOT NULL,
    public_key bytea,
    sealed_secret bytea,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_on date,
    CONSTRAINT pk_merchant_key PRIMARY KEY (key_id),
    CONSTRAINT fk_merchant_key_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT ck_merchant_key_key_id CHECK (key_id ~ '^mk_(live|test)_[a-z2-7]{16}$'),
    CONSTRAINT ck_merchant_key_environment
        CHECK (environment IN ('live', 'test') AND split_part(key_id, '_', 2) = environment),
    CONSTRAINT ck_merchant_key_material CHECK (
        (algorithm = 'ed25519' AND public_key IS NOT NULL AND length(public_key) = 32
            AND sealed_secret IS NULL)
        OR (algorithm = 'hmac-sha256' AND sealed_secret IS NOT NULL AND public_key IS NULL)
    ),
    CONSTRAINT ck_merchant_key_scopes CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY[
            'members', 'earnings', 'redemptions', 'refunds', 'transactions', 'settlements',
            'webhooks', 'keys'
        ]
    ),
    CONSTRAINT ck_merchant_key_expires_at CHECK (expires_at >= created_at)
);
CREATE INDEX ix_merchant_key_merchant_id ON network.merchant_key (merchant_id);
GRANT SELECT, INSERT ON network.merchant_key TO peyvand_app;
GRANT UPDATE (expires_at, revoked_at, last_used_on) ON network.merchant_key TO peyvand_app;

-- Dated prices. What an agreement says never changes; only its approval is added. funding says when
-- the issuer pays for its points: when they are taken, when they are given (the money lies in the
-- pool until then), or when they are taken, out of its deposit. Of points that lapse in the pool,
-- breakage_beneficiary keeps the money. vat_rate falls on the network's margin, which the issuer
-- pays, or on the acceptance fee, which the acceptor gives up. named is the merchant's consent that
-- others who are named, too, learn whom they owe and are owed by (network/clearing/naming.py). Banks
-- compare account_holder with the account; without one the merchant's English name is used.
CREATE TABLE network.agreement (
    agreement_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    version integer NOT NULL,
    effective_from date NOT NULL,
    issue_price numeric(20, 10) NOT NULL,
    acceptance_fee numeric(20, 10) NOT NULL,
    funding text NOT NULL,
    breakage_beneficiary text NOT NULL DEFAULT 'network',
    vat_rate numeric(20, 10) NOT NULL DEFAULT 0,
    vat_on text NOT NULL DEFAULT 'margin',
    named boolean NOT NULL DEFAULT false,
    currency text NOT NULL,
    settlement_iban text,
    account_holder text,
    -- Random, and on this row alone: with it the audit log's digest of the account can be compared,
    -- and without it not guessed (network/merchants/agreed.py).
    account_salt bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
    -- What the merchant may owe, and when its balance is paid (network/merchants/settling.py).
    credit_cap bigint,
    settlement_cycle text NOT NULL DEFAULT 'daily',
    settlement_weekday integer,
    settlement_days date[] NOT NULL DEFAULT '{}',
    settlement_holidays date[] NOT NULL DEFAULT '{}',
    minimum_payment bigint NOT NULL DEFAULT 0,
    mandate_id text,
    mandate_signed_on date,
    proposed_by uuid,
    proposed_at timestamptz NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    CONSTRAINT pk_agreement PRIMARY KEY (agreement_id),
    CONSTRAINT fk_agreement_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT uq_agreement_merchant_id_version UNIQUE (merchant_id, version),
    CONSTRAINT ck_agreement_version CHECK (version > 0),
    CONSTRAINT ck_agreement_issue_price CHECK (issue_price > 0),
    CONSTRAINT ck_agreement_acceptance_fee CHECK (acceptance_fee >= 0 AND acceptance_fee < 1),
    CONSTRAINT ck_agreement_funding
        CHECK (funding IN ('on_redemption', 'on_issue', 'prefunded')),
    CONSTRAINT ck_agreement_breakage_beneficiary
        CHECK (breakage_beneficiary IN ('network', 'issuer')),
    CONSTRAINT ck_agreement_vat
        CHECK (vat_rate >= 0 AND vat_rate < 1 AND vat_on IN ('margin', 'acceptance_fee')),
    CONSTRAINT ck_agreement_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_agreement_settlement_iban
        CHECK (settlement_iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$'),
    CONSTRAINT ck_agreement_account_holder
        CHECK (account_holder <> '' AND length(account_holder) <= 70),
    CONSTRAINT ck_agreement_credit_cap CHECK (credit_cap >= 0),
    CONSTRAINT ck_agreement_settlement_cycle CHECK (
        settlement_cycle IN ('daily', 'weekly', 'calendar')
        AND (settlement_cycle = 'weekly') = (settlement_weekday IS NOT NULL)
        AND (settlement_cycle = 'calendar') = (cardinality(settlement_days) > 0)
    ),
    CONSTRAINT ck_agreement_settlement_weekday CHECK (settlement_weekday BETWEEN 1 AND 7),
    CONSTRAINT ck_agreement_minimum_payment CHECK (minimum_payment >= 0),
    CONSTRAINT ck_agreement_mandate CHECK ((mandate_id IS NULL) = (mandate_signed_on IS NULL)),
    CONSTRAINT ck_agreement_two_people CHECK (
        (approved_by IS NULL OR approved_at IS NOT NULL)
        AND (approved_at IS NULL OR proposed_by IS NULL OR approved_by IS NOT NULL)
        AND (approved_by IS NULL OR proposed_by IS NULL OR approved_by <> proposed_by)
    )
);
CREATE UNIQUE INDEX uq_agreement_merchant_id_effective_from
    ON network.agreement (merchant_id, effective_from) WHERE approved_at IS NOT NULL;
GRANT SELECT, INSERT ON network.agreement TO peyvand_app;
GRANT UPDATE (approved_by, approved_at) ON network.agreement TO peyvand_app;

CREATE FUNCTION network.agreement_is_approved_once() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an approved agreement does not change' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER agreement_approved_once
    BEFORE UPDATE ON network.agreement
    FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL)
    EXECUTE FUNCTION network.agreement_is_approved_once();

-- Where nonces go while Valkey is away: a digest of the nonce, unique for its key.
CREATE TABLE network.nonce (
    key_id text NOT NULL,
    digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_nonce PRIMARY KEY (key_id, digest)
);
CREATE INDEX ix_nonce_expires_at ON network.nonce (expires_at);
GRANT SELECT, INSERT, DELETE ON network.nonce TO peyvand_app;

-- Which of the two stores of nonces is believed, and since when (network/merchants/nonces.py): one
-- row, from the first gateway on. A date that is NULL is set in a transaction of its own.
CREATE TABLE network.nonce_store (
    only_row boolean NOT NULL DEFAULT true,
    valkey text,
    valkey_from timestamptz,
    database_from timestamptz,
    database_until timestamptz NOT NULL DEFAULT 'epoch',
    CONSTRAINT pk_nonce_store PRIMARY KEY (only_row),
    CONSTRAINT ck_nonce_store_one_row CHECK (only_row)
);
GRANT SELECT, INSERT, UPDATE ON network.nonce_store TO peyvand_app;

-- Rials that one point is worth, as an exact fraction.
CREATE TABLE network.face_value (
    effective_from date NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    currency text NOT NULL,
    set_by uuid,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_face_value PRIMARY KEY (effective_from),
    CONSTRAINT ck_face_value_fraction CHECK (numerator > 0 AND denominator > 0),
    CONSTRAINT ck_face_value_currency CHECK (currency ~ '^[A-Z]{3}$')
);
GRANT SELECT, INSERT ON network.face_value TO peyvand_app;

-- Points per rial, as exact fractions: a merchant's base rate, and rates that replace it for the
-- lines of a category.
CREATE TABLE network.earning_terms (
    earning_terms_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    effective_from date NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    pending_days integer NOT NULL,
    expiry_days integer NOT NULL,
    minimum_amount bigint NOT NULL,
    set_by uuid,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_earning_terms PRIMARY KEY (earning_terms_id),
    CONSTRAINT fk_earning_terms_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT uq_earning_terms_merchant_id_effective_from UNIQUE (merchant_id, effective_from),
    CONSTRAINT ck_earning_terms_rate CHECK (numerator >= 0 AND denominator > 0),
    CONSTRAINT ck_earning_terms_days
        CHECK (pending_days BETWEEN 0 AND 366 AND expiry_days BETWEEN 1 AND 3660),
    CONSTRAINT ck_earning_terms_minimum_amount CHECK (minimum_amount >= 0)
);
GRANT SELECT, INSERT ON network.earning_terms TO peyvand_app;

CREATE TABLE network.category_rate (
    earning_terms_id uuid NOT NULL,
    category text NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    CONSTRAINT pk_category_rate PRIMARY KEY (earning_terms_id, category),
    CONSTRAINT fk_category_rate_earning_terms_id_earning_terms
        FOREIGN KEY (earning_terms_id) REFERENCES network.earning_terms (earning_terms_id)
        ON DELETE CASCADE,
    CONSTRAINT ck_category_rate_category CHECK (category <> '' AND length(category) <= 120),
    CONSTRAINT ck_category_rate_rate CHECK (numerator >= 0 AND denominator > 0)
);
GRANT SELECT, INSERT ON network.category_rate TO peyvand_app;
