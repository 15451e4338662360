-- Members and the messages to them. What a person told us is sealed with that member's own key;
-- without the row in network.member_key nothing of it can be read again.

-- Tiers in their order; the one of rank 0 is everybody's. An operator sets a member's tier.
CREATE TABLE network.tier (
    code text NOT NULL,
    rank integer NOT NULL,
    name_fa text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT pk_tier PRIMARY KEY (code),
    CONSTRAINT uq_tier_rank UNIQUE (rank),
    CONSTRAINT ck_tier_code CHECK (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(code) <= 40),
    CONSTRAINT ck_tier_rank CHECK (rank >= 0),
    CONSTRAINT ck_tier_names CHECK (name_fa <> '' AND name_en <> '')
);
GRANT SELECT, INSERT ON network.tier TO peyvand_app;
INSERT INTO network.tier (code, rank, name_fa, name_en) VALUES ('member', 0, 'عضو', 'Member');

CREATE TABLE network.member (
    member_id uuid NOT NULL,
    code_handle bigint NOT NULL,
    phone_index bytea,
    sealed_phone bytea,
    sealed_name bytea,
    locale text NOT NULL,
    money_unit text NOT NULL,
    spend_limit bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    status text NOT NULL,
    tier text NOT NULL DEFAULT 'member',
    CONSTRAINT pk_member PRIMARY KEY (member_id),
    CONSTRAINT fk_member_tier_tier FOREIGN KEY (tier) REFERENCES network.tier (code),
    CONSTRAINT uq_member_code_handle UNIQUE (code_handle),
    CONSTRAINT uq_member_phone_index UNIQUE (phone_index),
    CONSTRAINT ck_member_code_handle CHECK (code_handle BETWEEN 0 AND 1099511627775),
    CONSTRAINT ck_member_phone_index CHECK (length(phone_index) = 32),
    CONSTRAINT ck_member_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_member_money_unit CHECK (money_unit IN ('toman', 'rial')),
    CONSTRAINT ck_member_spend_limit CHECK (spend_limit >= 0),
    CONSTRAINT ck_member_status CHECK (status IN ('active', 'closed')),
    CONSTRAINT ck_member_reachable
        CHECK (status = 'closed' OR (phone_index IS NOT NULL AND sealed_phone IS NOT NULL))
);
GRANT SELECT, INSERT ON network.member TO peyvand_app;
GRANT UPDATE (
    phone_index, sealed_phone, sealed_name, locale, money_unit, spend_limit, status, tier
) ON network.member TO peyvand_app;

CREATE TABLE network.member_key (
    member_id uuid NOT NULL,
    sealed_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_member_key PRIMARY KEY (member_id),
    CONSTRAINT fk_member_key_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id)
);
GRANT SELECT, INSERT, DELETE ON network.member_key TO peyvand_app;

CREATE TABLE network.member_code_secret (
    member_id uuid NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_member_code_secret PRIMARY KEY (member_id),
    CONSTRAINT fk_member_code_secret_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id)
);
GRANT SELECT, INSERT, DELETE ON network.member_code_secret TO peyvand_app;

CREATE TABLE network.card (
    card_number text NOT NULL,
    member_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    blocked_at timestamptz,
    CONSTRAINT pk_card PRIMARY KEY (card_number),
    CONSTRAINT fk_card_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_card_card_number CHECK (card_number ~ '^9[0-9]{15}$')
);
CREATE INDEX ix_card_member_id ON network.card (member_id);
GRANT SELECT, INSERT ON network.card TO peyvand_app;
GRANT UPDATE (blocked_at) ON network.card TO peyvand_app;

-- Sign-in codes. Wall time. Counting the rows of a phone's lane or of an address is the throttle; who
-- is known (a browser, a signed-in member) has a lane, everybody else stands in that of NULL.
CREATE TABLE network.one_time_code (
    one_time_code_id uuid NOT NULL,
    phone_index bytea NOT NULL,
    address_index bytea,
    lane bytea,
    digest bytea NOT NULL,
    attempts integer NOT NULL,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_one_time_code PRIMARY KEY (one_time_code_id),
    CONSTRAINT ck_one_time_code_phone_index CHECK (length(phone_index) = 32),
    CONSTRAINT ck_one_time_code_digest CHECK (length(digest) = 32),
    CONSTRAINT ck_one_time_code_attempts CHECK (attempts BETWEEN 0 AND 5),
    CONSTRAINT ck_one_time_code_expires_at CHECK (expires_at > requested_at)
);
CREATE INDEX ix_one_time_code_phone_index_requested_at
    ON network.one_time_code (phone_index, requested_at);
CREATE INDEX ix_one_time_code_address_index_requested_at
    ON network.one_time_code (address_index, requested_at);
CREATE INDEX ix_one_time_code_requested_at ON network.one_time_code (requested_at);
GRANT SELECT, INSERT, DELETE ON network.one_time_code TO peyvand_app;
GRANT UPDATE (attempts, expires_at, used_at) ON network.one_time_code TO peyvand_app;

-- The token itself is only in the member's browser; here is its digest.
CREATE TABLE network.member_session (
    session_id uuid NOT NULL,
    token_digest bytea NOT NULL,
    member_id uuid NOT NULL,
    sealed_device bytea,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- What codes that the device makes without a network may spend: the last limit it was told.
    offline_limit bigint NOT NULL DEFAULT 0,
    CONSTRAINT pk_member_session PRIMARY KEY (session_id),
    CONSTRAINT uq_member_session_token_digest UNIQUE (token_digest),
    CONSTRAINT fk_member_session_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_session_token_digest CHECK (length(token_digest) = 32),
    CONSTRAINT ck_member_session_expires_at CHECK (expires_at > created_at),
    CONSTRAINT ck_member_session_offline_limit CHECK (offline_limit >= 0)
);
CREATE INDEX ix_member_session_member_id ON network.member_session (member_id);
GRANT SELECT, INSERT, DELETE ON network.member_session TO peyvand_app;
GRANT UPDATE (seen_at, ended_at, offline_limit) ON network.member_session TO peyvand_app;

-- Each yes and each no, with the wording that was shown; the newest per purpose holds.
CREATE TABLE network.member_consent (
    consent_id uuid NOT NULL,
    member_id uuid NOT NULL,
    purpose text NOT NULL,
    granted boolean NOT NULL,
    wording text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_member_consent PRIMARY KEY (consent_id),
    CONSTRAINT fk_member_consent_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_consent_purpose CHECK (purpose IN ('membership', 'offers', 'research'))
);
CREATE INDEX ix_member_consent_member_id_purpose_consent_id
    ON network.member_consent (member_id, purpose, consent_id);
GRANT SELECT, INSERT ON network.member_consent TO peyvand_app;

-- Bodies may hold codes, so they are sealed like the recipients. A number's messages are found by its
-- blind index, the same as its member's, and go with the member who leaves.
CREATE TABLE network.message (
    message_id uuid NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    sealed_recipient bytea NOT NULL,
    sealed_body bytea NOT NULL,
    recipient_index bytea NOT NULL,
    locale text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    claimed_until timestamptz,
    sent_at timestamptz,
    retry_at timestamptz NOT NULL,
    CONSTRAINT pk_message PRIMARY KEY (message_id),
    CONSTRAINT ck_message_channel CHECK (channel IN ('sms', 'email')),
    CONSTRAINT ck_message_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_message_state CHECK (state IN ('waiting', 'sent', 'failed')),
    CONSTRAINT ck_message_sent_at CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT ck_message_attempts CHECK (attempts >= 0)
);
CREATE INDEX ix_message_created_at ON network.message (created_at);
CREATE INDEX ix_message_recipient_index ON network.message (recipient_index);
CREATE INDEX ix_message_waiting ON network.message (retry_at) WHERE state = 'waiting';
GRANT SELECT, INSERT, DELETE ON network.message TO peyvand_app;
GRANT UPDATE (state, attempts, claimed_until, sent_at, retry_at) ON network.message TO peyvand_app;
