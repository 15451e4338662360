-- Posting a purchase's points by the steps that all operations share: any purchase, the plain case
-- of 50_earn.sql included. To follow one purchase, read this function.

-- The grants of one kind (a row of p_parts for each), as the JSON that any grants may come as.
CREATE OR REPLACE FUNCTION ledger.grants_alike(p_kind ledger.grant_facts, p_parts bigint[]) RETURNS jsonb LANGUAGE sql STABLE
RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'issuer_id', p_kind.issuer_id, 'campaign_id', p_kind.campaign_id,
        'terms_id', p_kind.terms_id, 'locked_to', p_kind.locked_to, 'price', p_kind.price,
        'points', p_parts[n][3], 'base', p_parts[n][2], 'active_from', p_kind.active_from,
        'expires_on', p_kind.expires_on, 'line', p_parts[n][1]) ORDER BY n), '[]')
    FROM generate_subscripts(p_parts, 1) AS n);

-- Any purchase. Its grants come as JSON, or as those of one kind (p_kind and p_parts). Grants that
-- differ in points, base and line only share a lot; the answer says pending if any lot is. The entry
-- keeps what refunds will go by (earned): each grant, and the part of the base that earned nothing as
-- line -1. p_takings is null, or
-- {"sequence": that the price was reckoned with, or null, "campaigns": [{"campaign_id", "points"}]};
-- the grants of a campaign must come to the same. Each grant says its line and the base of that line,
-- the same in all its grants, and all lines together have no more than the purchase: a refund is
-- measured by them, so one that was larger would take back less than was earned.
CREATE OR REPLACE FUNCTION ledger.earn_by_steps(
    p_member uuid, p_now timestamptz, p_claim ledger.claim_facts, p_event ledger.event_facts,
    p_grants jsonb, p_explanation json, p_evidence ledger.evidence_facts,
    p_takings jsonb DEFAULT NULL, p_kind ledger.grant_facts DEFAULT NULL,
    p_parts bigint[] DEFAULT NULL
) RETURNS ledger.posted LANGUAGE plpgsql AS $$
DECLARE
    grants jsonb := coalesce(p_grants, ledger.grants_alike(p_kind, p_parts));
    op ledger.operation := ledger.begin_for(p_member, p_event.person_id, p_claim, p_now);
    g ledger.grant_facts;
    alike ledger.grant_facts;
    kinds ledger.grant_facts[] := '{}';
    sums bigint[] := '{}';
    place integer;
    lines integer[] := '{}';
    bases bigint[] := '{}';
    total bigint := 0;
    earned bigint[] := '{}';
    based bigint := 0;
    starts date;
    expires date;
    repaid bigint;
    answer ledger.posted;
BEGIN
    IF op.replay IS NOT NULL THEN
        RETURN op.replay;
    ELSIF op.status = 'closed' THEN
        PERFORM ledger.refuse('wallet_closed');
    END IF;
    PERFORM ledger.check_history(op, p_takings);
    IF op.due_on <= op.today THEN
        op := ledger.mature_lots(op, p_now);
    END IF;
    op.sequence := op.sequence + 1;
    PERFORM ledger.claim_reference(op, p_event.merchant_id, 'issuance', p_event.merchant_ref);

    FOR i IN 0 .. jsonb_array_length(grants) - 1 LOOP
        g := jsonb_populate_record(NULL::ledger.grant_facts, grants -> i);
        place := NULL;
        IF g.line IS NULL OR g.line < 0 OR g.base IS NULL OR g.base < 0 THEN
            RAISE EXCEPTION 'line % of base % is none', g.line, g.base USING ERRCODE = 'PV003';
        END IF;
        IF g.points <> 0 OR g.points IS NULL THEN
            PERFORM ledger.check_count('points', g.points);
            total := total + g.points;
            expires := least(expires, g.expires_on);
            starts := greatest(starts, g.active_from);
            alike := g;
            alike.points := NULL;
            alike.base := NULL;
            alike.line := NULL;
            place := array_position(kinds, alike);
            IF place IS NULL THEN
                kinds := kinds || alike;
                sums := sums || g.points;
                place := cardinality(kinds);
            ELSE
                sums[place] := sums[place] + g.points;
            END IF;
        END IF;
        -- The base of a line counts once, however many funders share its points.
        IF NOT g.line = ANY (lines) THEN
            lines := lines || g.line;
            bases := bases || g.base;
            based := based + g.base;
        ELSIF bases[array_position(lines, g.line)] <> g.base THEN
            RAISE EXCEPTION 'line % has two bases', g.line USING ERRCODE = 'PV003';
        END IF;
        -- The place is that which grant_lot gives below, to the kinds in this order.
        earned := earned || ARRAY[[g.line, g.base, g.points, coalesce(place, 0)]];
    END LOOP;
    IF based > coalesce(p_event.base, p_event.amount) THEN
        RAISE EXCEPTION 'lines of % in a purchase of %', based,
            coalesce(p_event.base, p_event.amount) USING ERRCODE = 'PV003';
    END IF;
    PERFORM ledger.check_count('points', greatest(total, 1));  -- a purchase may earn nothing
    FOR n IN 1 .. cardinality(kinds) LOOP
        op := ledger.grant_lot(op, kinds[n], sums[n], 'issuance');
    END LOOP;

    IF coalesce(p_event.base, p_event.amount, 0) > based THEN
        earned := earned || ARRAY[
            [-1, coalesce(p_event.base, p_event.amount) - based, 0, 0]];
    END IF;
    IF cardinality(kinds) <= 1 THEN
        earned := earned[:][:3];  -- all points are in one lot
    END IF;

    repaid := op.repaid;
    op := ledger.write_entry(op, 'issuance', p_event, 'merchant:' || p_event.merchant_id,
                             p_explanation, p_now, total, NULL, NULL, nullif(earned, '{}'));
    answer := ledger.finish_operation(op, p_claim, p_evidence, jsonb_build_object(
        'points', total,
        'state', CASE WHEN starts > op.today THEN 'pending' ELSE 'available' END,
        'active_from', starts, 'expires_on', expires, 'repaid', repaid)
        || ledger.posted_to(op, p_member));
    -- Last, because others wait for the slices of a budget until this transaction ends.
    PERFORM ledger.take_from_campaigns(op, p_takings, grants);
    RETURN answer;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
