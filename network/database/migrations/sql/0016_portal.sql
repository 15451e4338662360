-- The merchants' portal (network/portal): who of a merchant may sign in, and what they did at tills.
-- A cashier signs in with a name of the shop's (sara@bostan), others with their e-mail address.
CREATE TABLE network.portal_user (
    user_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    login text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    status text NOT NULL,
    locale text,
    password_hash text,
    sealed_totp bytea,
    totp_step bigint NOT NULL,
    pin_hash text,
    pin_set_at timestamptz,
    pin_misses integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_portal_user PRIMARY KEY (user_id),
    CONSTRAINT fk_portal_user_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT uq_portal_user_login UNIQUE (login),
    CONSTRAINT ck_portal_user_login CHECK (
        login = lower(login) AND login ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(login) <= 254
    ),
    CONSTRAINT ck_portal_user_name CHECK (name <> '' AND length(name) <= 120),
    CONSTRAINT ck_portal_user_role CHECK (role IN ('cashier', 'finance', 'administrator')),
    CONSTRAINT ck_portal_user_status CHECK (status IN ('invited', 'active', 'suspended')),
    CONSTRAINT ck_portal_user_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_portal_user_totp_step CHECK (totp_step >= 0),
    CONSTRAINT ck_portal_user_pin CHECK (
        (pin_hash IS NULL) = (pin_set_at IS NULL) AND pin_misses >= 0
    ),
    -- Whoever may do more than serve customers shows a second factor.
    CONSTRAINT ck_portal_user_factors CHECK (
        status <> 'active'
        OR (password_hash IS NOT NULL AND (role = 'cashier' OR sealed_totp IS NOT NULL))
    )
);
CREATE INDEX ix_portal_user_merchant_id ON network.portal_user (merchant_id);
GRANT SELECT, INSERT ON network.portal_user TO peyvand_app;
GRANT UPDATE (
    name, role, status, locale, password_hash, sealed_totp, totp_step, pin_hash, pin_set_at, pin_misses
) ON network.portal_user TO peyvand_app;

-- A code that sets a password, once; only its digest is here. sealed_totp is the secret that goes
-- with it to an authenticator app, not in force before the code was used. With a proposal it opens
-- nothing before a second operator has approved that. again: it replaces a way in that there was.
-- used_at is also when it was ended; taken: it set a password.
CREATE TABLE network.portal_link (
    token_digest bytea NOT NULL,
    user_id uuid NOT NULL,
    sealed_totp bytea,
    made_by text NOT NULL,
    proposal_id uuid,
    again boolean NOT NULL,
    taken boolean NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_portal_link PRIMARY KEY (token_digest),
    CONSTRAINT fk_portal_link_user_id_portal_user
        FOREIGN KEY (user_id) REFERENCES network.portal_user (user_id),
    CONSTRAINT fk_portal_link_proposal_id_proposal
        FOREIGN KEY (proposal_id) REFERENCES network.proposal (proposal_id),
    CONSTRAINT ck_portal_link_token_digest CHECK (length(token_digest) = 32),
    CONSTRAINT ck_portal_link_expires_at CHECK (expires_at > created_at)
);
CREATE INDEX ix_portal_link_user_id ON network.portal_link (user_id);
GRANT SELECT, INSERT, DELETE ON network.portal_link TO peyvand_app;
GRANT UPDATE (used_at, taken) ON network.portal_link TO peyvand_app;

-- A sign-in in one browser. store_id and terminal: the till that this browser stands at. From shared_at
-- on it opens nothing by itself: it asks for a PIN, and whoever typed theirs has a sign-in of their own
-- that hangs on it (base_id), whose token nobody has.
CREATE TABLE network.portal_session (
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    user_agent text NOT NULL,
    address text NOT NULL,
    store_id uuid,
    terminal text,
    shared_at timestamptz,
    base_id uuid,
    CONSTRAINT pk_portal_session PRIMARY KEY (session_id),
    CONSTRAINT uq_portal_session_token_digest UNIQUE (token_digest),
    CONSTRAINT fk_portal_session_user_id_portal_user
        FOREIGN KEY (user_id) REFERENCES network.portal_user (user_id),
    CONSTRAINT fk_portal_session_store_id_store
        FOREIGN KEY (store_id) REFERENCES network.store (store_id),
    CONSTRAINT fk_portal_session_base_id_portal_session
        FOREIGN KEY (base_id) REFERENCES network.portal_session (session_id),
    CONSTRAINT ck_portal_session_base_id CHECK (base_id IS NULL OR shared_at IS NULL),
    CONSTRAINT ck_portal_session_token_digest CHECK (length(token_digest) = 32),
    CONSTRAINT ck_portal_session_expires_at CHECK (expires_at > created_at),
    CONSTRAINT ck_portal_session_terminal CHECK (terminal IS NULL OR store_id IS NOT NULL)
);
CREATE INDEX ix_portal_session_user_id ON network.portal_session (user_id, created_at);
-- One person at a time stands at a till.
CREATE UNIQUE INDEX uq_portal_session_base_id ON network.portal_session (base_id)
    WHERE base_id IS NOT NULL AND ended_at IS NULL;
GRANT SELECT, INSERT ON network.portal_session TO peyvand_app;
GRANT UPDATE (seen_at, ended_at, user_agent, address, store_id, terminal, shared_at)
    ON network.portal_session
    TO peyvand_app;

-- What somebody did at a till of the portal: a row per form that was taken, written in the transaction
-- that posts. The key comes with the form, so the same form taken twice meets the primary key, waits
-- for the first and finds what it did. A form that is cancelled takes its key without posting.
CREATE TABLE network.portal_act (
    merchant_id uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    merchant_ref text NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    store_id uuid,
    terminal text,
    recorded_at timestamptz NOT NULL,
    business_date date,
    member_id uuid,
    sequence bigint,
    points bigint,
    amount bigint,
    original_key text,
    CONSTRAINT pk_portal_act PRIMARY KEY (merchant_id, key),
    CONSTRAINT fk_portal_act_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_portal_act_user_id_portal_user
        FOREIGN KEY (user_id) REFERENCES network.portal_user (user_id),
    CONSTRAINT fk_portal_act_session_id_portal_session
        FOREIGN KEY (session_id) REFERENCES network.portal_session (session_id),
    CONSTRAINT fk_portal_act_store_id_store
        FOREIGN KEY (store_id) REFERENCES network.store (store_id),
    CONSTRAINT fk_portal_act_merchant_id_original_key_portal_act
        FOREIGN KEY (merchant_id, original_key) REFERENCES network.portal_act (merchant_id, key),
    CONSTRAINT ck_portal_act_key CHECK (key ~ '^[A-Za-z0-9_-]{16,64}$'),
    CONSTRAINT ck_portal_act_kind CHECK (
        kind IN ('earn', 'redeem', 'refund_earn', 'refund_redeem', 'undo', 'cancelled')
    ),
    CONSTRAINT ck_portal_act_points CHECK (points >= 0),
    CONSTRAINT ck_portal_act_amount CHECK (amount > 0),
    CONSTRAINT ck_portal_act_original_key CHECK (
        (original_key IS NOT NULL) = (kind IN ('refund_earn', 'refund_redeem', 'undo'))
    )
);
CREATE INDEX ix_portal_act_recorded_at ON network.portal_act (merchant_id, recorded_at);
-- A till's own day, and what an answer that never came had been called.
CREATE INDEX ix_portal_act_day ON network.portal_act (merchant_id, business_date, store_id);
CREATE INDEX ix_portal_act_merchant_ref ON network.portal_act (merchant_id, merchant_ref);
CREATE INDEX ix_portal_act_original_key ON network.portal_act (merchant_id, original_key)
    WHERE original_key IS NOT NULL;
CREATE INDEX ix_portal_act_member_id ON network.portal_act (member_id, sequence)
    WHERE member_id IS NOT NULL;
GRANT SELECT, INSERT ON network.portal_act TO peyvand_app;
GRANT UPDATE (business_date, member_id, sequence, points, amount) ON network.portal_act
    TO peyvand_app;
