-- A patient message waits until retry_at and then behind all others: nobody's code stands behind the
-- news of a night. Only the schedule asks for it.
-- Inside the migration's transaction nothing is built or dropped concurrently, and few messages wait.
ALTER TABLE network.message ADD COLUMN patient boolean NOT NULL DEFAULT false;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX network.ix_message_waiting;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_message_waiting ON network.message (patient, retry_at) WHERE state = 'waiting';

-- What a member was told, for the wallet's page: figures and ids, never words. notice_id follows from
-- what it is about, so nothing is told twice; a message of it has the same id. wallet_id and sequence
-- name the entry behind it, days the last days of points that expire, other_id who else acted.
CREATE TABLE network.member_notice (
    notice_id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL,
    wallet_id uuid,
    sequence bigint,
    points bigint,
    owed bigint,
    merchant_id uuid,
    other_id uuid,
    days json,
    sealed_device bytea,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT pk_member_notice PRIMARY KEY (notice_id),
    CONSTRAINT fk_member_notice_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_notice_kind CHECK (kind IN (
        'redeemed', 'refunded', 'taken_back', 'available', 'expiring', 'device')),
    CONSTRAINT ck_member_notice_entry CHECK ((wallet_id IS NULL) = (sequence IS NULL))
);
CREATE INDEX ix_member_notice_member_id_created_at_notice_id
    ON network.member_notice (member_id, created_at, notice_id);
CREATE INDEX ix_member_notice_unread ON network.member_notice (member_id) WHERE read_at IS NULL;
CREATE INDEX ix_member_notice_created_at ON network.member_notice (created_at);
GRANT SELECT, INSERT, DELETE ON network.member_notice TO peyvand_app;
GRANT UPDATE (read_at) ON network.member_notice TO peyvand_app;

-- What was spent and has no notice yet. The relay puts it here when it hands the event on, the notice
-- takes it away, and the schedule asks for what stays. Ids and figures only; gone in seconds.
CREATE TABLE network.untold_spending (
    notice_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    sequence bigint NOT NULL,
    points bigint NOT NULL,
    merchant_id uuid NOT NULL,
    noted_at timestamptz NOT NULL,
    ask_at timestamptz NOT NULL,
    CONSTRAINT pk_untold_spending PRIMARY KEY (notice_id)
);
CREATE INDEX ix_untold_spending_ask_at ON network.untold_spending (ask_at);
GRANT SELECT, INSERT, DELETE ON network.untold_spending TO peyvand_app;
GRANT UPDATE (ask_at) ON network.untold_spending TO peyvand_app;

-- What a member wants no message of, and the hours in which none may come but of what is security;
-- two equal hours are no quiet at all. Who has no row has chosen nothing.
CREATE TABLE network.member_notice_choice (
    member_id uuid NOT NULL,
    muted text[] NOT NULL,
    quiet_from integer NOT NULL,
    quiet_until integer NOT NULL,
    CONSTRAINT pk_member_notice_choice PRIMARY KEY (member_id),
    CONSTRAINT fk_member_notice_choice_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_notice_choice_muted CHECK (
        muted <@ ARRAY['refunded', 'taken_back', 'available', 'expiring']),
    CONSTRAINT ck_member_notice_choice_quiet CHECK (
        quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23)
);
GRANT SELECT, INSERT, DELETE ON network.member_notice_choice TO peyvand_app;
GRANT UPDATE (muted, quiet_from, quiet_until) ON network.member_notice_choice TO peyvand_app;

-- A browser on which a member has signed in: the digest of a token that it keeps for a year.
CREATE TABLE network.member_device (
    member_id uuid NOT NULL,
    token_digest bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_member_device PRIMARY KEY (member_id, token_digest),
    CONSTRAINT fk_member_device_member_id_member
        FOREIGN KEY (member_id) REFERENCES network.member (member_id),
    CONSTRAINT ck_member_device_token_digest CHECK (length(token_digest) = 32)
);
CREATE INDEX ix_member_device_seen_at ON network.member_device (seen_at);
GRANT SELECT, INSERT, DELETE ON network.member_device TO peyvand_app;
GRANT UPDATE (seen_at) ON network.member_device TO peyvand_app;

-- How far a day's news of expiring points has come: wallets up to after_member are done. Days after
-- since were told by nobody.
CREATE TABLE network.expiry_run (
    business_date date NOT NULL,
    since date NOT NULL,
    after_member uuid,
    told bigint NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_expiry_run PRIMARY KEY (business_date),
    CONSTRAINT ck_expiry_run_since CHECK (since < business_date),
    CONSTRAINT ck_expiry_run_told CHECK (told >= 0)
);
GRANT SELECT, INSERT ON network.expiry_run TO peyvand_app;
GRANT UPDATE (after_member, told, finished_at) ON network.expiry_run TO peyvand_app;
