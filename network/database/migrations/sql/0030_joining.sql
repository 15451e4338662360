-- Persons whom a till asked to join (network/members/joining.py). Until they say yes themselves, they
-- are no members: no wallet, no card, nothing earned, and what they told the till is sealed here
-- alone. A row without a yes is deleted when its days are over; one with a yes has nothing personal
-- left and stays, because it says how the consent was given.
CREATE TABLE network.till_enrolment (
    enrolment_id uuid NOT NULL,
    merchant_id uuid NOT NULL,
    store_id uuid,
    phone_index bytea,
    sealed_phone bytea,
    sealed_name bytea,
    consents jsonb NOT NULL,
    locale text NOT NULL,
    digest bytea NOT NULL,
    -- Of the code sent last, and of the days since a day without a message; then of the row's life.
    attempts integer NOT NULL,
    messages integer NOT NULL,
    all_messages integer NOT NULL,
    all_tries integer NOT NULL,
    requested_at timestamptz NOT NULL,
    sent_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    member_id uuid,
    joined_at timestamptz,
    joined_by text,
    CONSTRAINT pk_till_enrolment PRIMARY KEY (enrolment_id),
    CONSTRAINT fk_till_enrolment_merchant_id_merchant
        FOREIGN KEY (merchant_id) REFERENCES network.merchant (merchant_id),
    CONSTRAINT fk_till_enrolment_store_id_store
        FOREIGN KEY (store_id) REFERENCES network.store (store_id),
    CONSTRAINT fk_till_enrolment_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_till_enrolment_phone_index CHECK (length(phone_index) = 32),
    CONSTRAINT ck_till_enrolment_digest CHECK (length(digest) = 32),
    CONSTRAINT ck_till_enrolment_locale CHECK (locale IN ('fa', 'en')),
    CONSTRAINT ck_till_enrolment_attempts CHECK (attempts BETWEEN 0 AND 5),
    CONSTRAINT ck_till_enrolment_messages CHECK (messages BETWEEN 1 AND 3),
    CONSTRAINT ck_till_enrolment_all_messages CHECK (all_messages >= messages),
    CONSTRAINT ck_till_enrolment_all_tries CHECK (all_tries >= 0),
    CONSTRAINT ck_till_enrolment_expires_at CHECK (expires_at > requested_at),
    CONSTRAINT ck_till_enrolment_joined CHECK (
        (joined_at IS NULL) = (member_id IS NULL) AND (joined_at IS NULL) = (joined_by IS NULL)
    ),
    CONSTRAINT ck_till_enrolment_joined_by CHECK (joined_by IN ('code', 'elsewhere')),
    -- Nothing personal outlives the waiting.
    CONSTRAINT ck_till_enrolment_personal CHECK (
        (joined_at IS NULL) = (phone_index IS NOT NULL)
        AND (joined_at IS NULL) = (sealed_phone IS NOT NULL)
        AND (joined_at IS NULL OR sealed_name IS NULL)
    )
);
CREATE INDEX ix_till_enrolment_phone_index_sent_at
    ON network.till_enrolment (phone_index, sent_at);
CREATE INDEX ix_till_enrolment_merchant_id_sent_at
    ON network.till_enrolment (merchant_id, sent_at);
CREATE INDEX ix_till_enrolment_expires_at
    ON network.till_enrolment (expires_at) WHERE joined_at IS NULL;
CREATE INDEX ix_till_enrolment_member_id ON network.till_enrolment (member_id);
GRANT SELECT, INSERT, DELETE ON network.till_enrolment TO peyvand_app;
GRANT UPDATE (phone_index, sealed_phone, sealed_name, consents, locale, digest, attempts, messages,
              all_messages, all_tries, sent_at, expires_at, member_id, joined_at, joined_by)
    ON network.till_enrolment TO peyvand_app;
