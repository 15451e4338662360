-- What a refund of a purchase takes back, of whom and out of which lots. Private helpers of
-- 70_refund.sql.

-- Takes p_points of an issuer's points back: the earned lot first, then the issuer's other lots in
-- the taking order, then debt. Held points stay where they are.
CREATE OR REPLACE FUNCTION ledger.claw_back(
    op ledger.operation, p_issuer uuid, p_lot bigint, p_points bigint
) RETURNS ledger.operation LANGUAGE plpgsql AS $$
DECLARE
    l record;
    taken bigint;
    wanted bigint := p_points;
BEGIN
    FOR l IN
        SELECT t.lot_id, t.remaining, t.active, t.terms_id FROM ledger.lot AS t
        WHERE t.member_id = op.member_id AND t.open AND t.issuer_id = p_issuer
        ORDER BY t.lot_id <> p_lot, t.expires_on, t.lot_id
    LOOP
        EXIT WHEN wanted = 0;
        taken := least(wanted, l.remaining);
        UPDATE ledger.lot AS t
        SET remaining = t.remaining - taken, clawed_back = t.clawed_back + taken,
            open = t.remaining > taken
        WHERE t.member_id = op.member_id AND t.lot_id = l.lot_id;
        op := ledger.add_move(op, ledger.account_of(l.active),
                              'clawback', p_issuer, l.lot_id, l.terms_id, taken);
        wanted := wanted - taken;
    END LOOP;
    IF wanted > 0 THEN
        INSERT INTO ledger.debt AS d (member_id, issuer_id, points)
        VALUES (op.member_id, p_issuer, wanted)
        ON CONFLICT (member_id, issuer_id) DO UPDATE SET points = d.points + excluded.points;
        op := ledger.add_move(op, 'debt', 'receivable', p_issuer, NULL, NULL, wanted);
    END IF;
    RETURN op;
END
$$;

-- Counts a refund of p_amount over some lines of a purchase (their rows) and says, in refunded and
-- clawed_back, what each row gives back now. What was refunded of a line has its part of the line's
-- points by right, whoever asked how; p_amount has of the points left over what it has of the base left
-- over. The sum of both is floored once, less what is back already: for one line, or lines that earned
-- at one rate, floor(points × refunded / base). It is spread over what each issuer has not yet given
-- back, ties by issuer.
CREATE OR REPLACE FUNCTION ledger.share_refund(p_rows ledger.earned_part[], p_amount bigint)
RETURNS ledger.earned_part[] LANGUAGE plpgsql AS $$
DECLARE
    lines integer[];
    bases bigint[];
    refunds bigint[];
    amounts bigint[];
    issuers uuid[];
    left_over bigint[];
    parts bigint[];
    shares bigint[];
    refundable numeric;
    earned_points numeric;
    back_already bigint;
    -- The points that are back by right, due / whole: rounded, it could miss a point.
    due numeric := 0;
    whole numeric := 1;
    increment bigint;
    result ledger.earned_part[] := '{}';
    l record;
    r ledger.earned_part;
    i integer;
BEGIN
    SELECT array_agg(b.line ORDER BY b.line), array_agg(b.base ORDER BY b.line),
           array_agg(b.refunded ORDER BY b.line), sum(b.base - b.refunded)
    INTO lines, bases, refunds, refundable
    FROM (SELECT DISTINCT e.line, e.base, e.refunded FROM unnest(p_rows) AS e) AS b;
    IF p_amount > refundable THEN
        PERFORM ledger.refuse('refund_exceeds_original', jsonb_build_object(
            'refundable', refundable, 'amount', p_amount));
    END IF;
    SELECT sum(e.points), sum(e.clawed_back) INTO earned_points, back_already
    FROM unnest(p_rows) AS e;
    FOR l IN
        SELECT e.base, e.refunded, sum(e.points) AS points FROM unnest(p_rows) AS e
        WHERE e.refunded > 0 AND e.points > 0 GROUP BY e.line, e.base, e.refunded
    LOOP
        due := due * l.base + l.points * l.refunded * whole;
        whole := whole * l.base;
    END LOOP;
    increment := greatest(0, div(
        due * (refundable - p_amount) + earned_points * whole * p_amount, whole * refundable)
        - back_already);

    amounts := ledger.spread(p_amount, (
        SELECT array_agg(b - f ORDER BY n)
        FROM unnest(bases, refunds) WITH ORDINALITY AS u (b, f, n)));
    SELECT array_agg(o.issuer_id ORDER BY o.issuer_id), array_agg(o.owing ORDER BY o.issuer_id)
    INTO issuers, left_over
    FROM (SELECT e.issuer_id, sum(e.points - e.clawed_back)::bigint AS owing
          FROM unnest(p_rows) AS e GROUP BY e.issuer_id) AS o;
    shares := ledger.spread(increment, left_over);

    FOR i IN 1 .. cardinality(issuers) LOOP
        parts := ledger.spread(shares[i], (
            SELECT array_agg(e.points - e.clawed_back ORDER BY e.part)
            FROM unnest(p_rows) AS e WHERE e.issuer_id = issuers[i]));
        FOR r IN
            SELECT e.* FROM unnest(p_rows) AS e WHERE e.issuer_id = issuers[i] ORDER BY e.part
        LOOP
            r.refunded := amounts[array_position(lines, r.line)];
            r.clawed_back := parts[1];
            parts := parts[2:];
            result := result || r;
        END LOOP;
    END LOOP;
    RETURN result;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
