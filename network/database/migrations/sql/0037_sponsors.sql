-- A sponsor (kind 'sponsor') is a party without stores and tills: it pays for points of campaigns by an
-- agreement and settles like the others. That it sells nothing is held here: it has no store, no key
-- and no earning terms, gives up no acceptance fee, and neither becomes a shop nor was one.
CREATE FUNCTION network.sponsor_sells_nothing() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM network.merchant AS m
               WHERE m.merchant_id = NEW.merchant_id AND m.kind = 'sponsor') THEN
        RAISE EXCEPTION 'a sponsor sells nothing: no row in %', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = 'sponsor_sells_nothing';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sponsor_has_no_store
    BEFORE INSERT ON network.store
    FOR EACH ROW EXECUTE FUNCTION network.sponsor_sells_nothing();
CREATE TRIGGER sponsor_has_no_key
    BEFORE INSERT ON network.merchant_key
    FOR EACH ROW EXECUTE FUNCTION network.sponsor_sells_nothing();
CREATE TRIGGER sponsor_has_no_earning_terms
    BEFORE INSERT ON network.earning_terms
    FOR EACH ROW EXECUTE FUNCTION network.sponsor_sells_nothing();
CREATE TRIGGER sponsor_takes_no_points
    BEFORE INSERT ON network.agreement
    FOR EACH ROW WHEN (NEW.acceptance_fee <> 0)
    EXECUTE FUNCTION network.sponsor_sells_nothing();

CREATE FUNCTION network.sponsor_stays_one() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a sponsor stays one, and no shop becomes one'
        USING ERRCODE = '23514', CONSTRAINT = 'sponsor_stays_one';
END
$$;
CREATE TRIGGER sponsor_stays_one
    BEFORE UPDATE OF kind ON network.merchant
    FOR EACH ROW WHEN ((OLD.kind = 'sponsor') <> (NEW.kind = 'sponsor'))
    EXECUTE FUNCTION network.sponsor_stays_one();
