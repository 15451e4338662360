-- Section 1: what a closed business day moved, kept by its night, so that the console's first page
-- need not add up every posting and every wallet. A closed day's postings never change, so neither
-- do its figures. issued to clawed_back are counted above zero; available to debt are by how much
-- all wallets together changed (debt above zero), so that their sum is what members hold.
CREATE TABLE network.day_figures (
    business_date date NOT NULL,
    issued bigint NOT NULL,
    redeemed bigint NOT NULL,
    given_back bigint NOT NULL,
    expired bigint NOT NULL,
    clawed_back bigint NOT NULL,
    available bigint NOT NULL,
    pending bigint NOT NULL,
    held bigint NOT NULL,
    debt bigint NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_day_figures PRIMARY KEY (business_date),
    CONSTRAINT fk_day_figures_business_date_business_day FOREIGN KEY (business_date)
        REFERENCES ledger.business_day (business_date),
    CONSTRAINT ck_day_figures_counts CHECK (
        least(issued, redeemed, given_back, expired, clawed_back) >= 0
    )
);
GRANT SELECT, INSERT ON network.day_figures TO peyvand_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON network.day_figures
    FOR EACH STATEMENT EXECUTE FUNCTION network.refuse_clearing_change();
