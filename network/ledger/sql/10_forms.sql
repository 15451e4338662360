-- Small pure parts: the programme's calendar, refusals, canonical forms and digests, fair shares.

-- The calendar day of a moment in the programme's zone (network.settings.PROGRAMME_ZONE).
CREATE OR REPLACE FUNCTION ledger.programme_date(p_moment timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (p_moment AT TIME ZONE 'Asia/Tehran')::date;

-- Ends the call with a business refusal: nothing of it stays, the idempotency claim included.
CREATE OR REPLACE FUNCTION ledger.refuse(p_code text, p_facts jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PV001', MESSAGE = p_code, DETAIL = p_facts::text;
END
$$;

-- Refuses a count that is missing, below one, or beyond what one call may carry (10^15, so that
-- sums stay exact in every reader, JavaScript's included).
CREATE OR REPLACE FUNCTION ledger.check_count(p_name text, p_count bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_count IS NULL OR p_count < 1 OR p_count > 1000000000000000 THEN
        PERFORM ledger.refuse('points_out_of_range', jsonb_build_object(
            'field', p_name, 'value', p_count, 'least', 1, 'most', 1000000000000000));
    END IF;
END
$$;

-- Canonical form, version 1: one JSON array for the entry, one per movement in the order of lines, one
-- per lot that it made, joined by line feeds. An explanation stands in it as it was written (type json
-- keeps the text, and nobody parses it). What was earned stands last in the entry's, as an array of rows
-- without spaces, null where there is none. Times are ISO 8601 in UTC without a zone, whatever the session's settings. The digest is
-- SHA-256 over its UTF-8 bytes. A change of form is a new version number, never a change of these.
CREATE OR REPLACE FUNCTION ledger.movement_form(
    line integer, source ledger.account, target ledger.account, issuer_id uuid, acceptor_id uuid,
    lot_id bigint, target_lot_id bigint, terms_id uuid, priced_on date, points bigint
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN E'\n' || json_build_array(
    line, source, target, issuer_id, acceptor_id, lot_id, target_lot_id, terms_id, priced_on,
    points)::text;

-- The same text for statements that read many rows (the audit): a cast is looked up once for a
-- statement, where json_build_array looks three things up for each value. No value of a movement
-- needs an escape, and a date as JSON follows no session's style. Whatever any writer wrote is
-- held against this, so a text that differed would be found.
CREATE OR REPLACE FUNCTION ledger.stored_form(
    line integer, source ledger.account, target ledger.account, issuer_id uuid, acceptor_id uuid,
    lot_id bigint, target_lot_id bigint, terms_id uuid, priced_on date, points bigint
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN E'\n[' || line || ', "' || source || '", "' || target || '", "' || issuer_id || '"'
    || coalesce(', "' || acceptor_id || '"', ', null') || coalesce(', ' || lot_id, ', null')
    || coalesce(', ' || target_lot_id, ', null') || coalesce(', "' || terms_id || '"', ', null')
    || coalesce(', ' || to_json(priced_on)::text, ', null') || ', ' || points || ']';

-- What a lot is and its movements don't say, for as long as it lives: a line of the entry that made it,
-- after those of its movements, in the order of lots.
CREATE OR REPLACE FUNCTION ledger.lot_form(
    lot_id bigint, parent_lot_id bigint, campaign_id uuid, locked_to uuid, price numeric,
    active_from date, expires_on date
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN E'\n["lot", ' || lot_id || coalesce(', ' || parent_lot_id, ', null')
    || coalesce(', "' || campaign_id || '"', ', null') || coalesce(', "' || locked_to || '"', ', null')
    || ', "' || price::numeric(20, 10) || '", ' || to_json(active_from)::text || ', '
    || to_json(expires_on)::text || ']';

-- The lines of all lots that an entry made.
CREATE OR REPLACE FUNCTION ledger.made_lots(p_member uuid, p_sequence bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(
        ledger.lot_form(l.lot_id, l.parent_lot_id, l.campaign_id, l.locked_to, l.price,
                        l.active_from, l.expires_on), '' ORDER BY l.lot_id), '')
    FROM ledger.lot AS l
    WHERE l.member_id = p_member
      AND l.lot_id BETWEEN p_sequence * 1000000 AND p_sequence * 1000000 + 999999);

-- The forms of the only movement of a purchase that made one lot, with that lot, and of a redemption
-- that took one: the same text as movement_form and lot_form give (a test reckons the digests anew).
-- Where a statement is run once, json_build_array costs most to set up: it looks the type of every
-- argument up. Accounts are words of ours, so they need no escapes; a date as JSON follows no style.
CREATE OR REPLACE FUNCTION ledger.issuance_form(
    target ledger.account, issuer_id uuid, lot_id bigint, terms_id uuid, points bigint,
    locked_to uuid, price numeric, active_from date, expires_on date
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(E'\n[1, "issuance", "%s", "%s", null, %s, null, "%s", null, %s]'
              '\n["lot", %s, null, null, %s, "%s", %s, %s]',
              target, issuer_id, lot_id, terms_id, points, lot_id,
              coalesce('"' || locked_to || '"', 'null'), price::numeric(20, 10),
              to_json(active_from), to_json(expires_on));

CREATE OR REPLACE FUNCTION ledger.redemption_form(
    issuer_id uuid, acceptor_id uuid, lot_id bigint, terms_id uuid, priced_on date, points bigint
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(E'\n[1, "available", "redemption", "%s", "%s", %s, null, "%s", %s, %s]',
              issuer_id, acceptor_id, lot_id, terms_id, to_json(priced_on), points);

CREATE OR REPLACE FUNCTION ledger.entry_form(
    member_id uuid, sequence bigint, business_date date, kind text, merchant_id uuid,
    store_id uuid, terminal text, merchant_ref text, receipt text, channel text, amount bigint,
    base bigint, currency text, original_sequence bigint, original_date date,
    effective_at timestamptz, recorded_at timestamptz, actor text, explanation json,
    earned bigint[] DEFAULT NULL
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN json_build_array(
    1, member_id, sequence, business_date, kind, merchant_id, store_id, terminal, merchant_ref,
    receipt, channel, amount, base, currency, original_sequence, original_date,
    effective_at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC', actor, explanation,
    earned)::text;

-- The digest that an entry's row should carry, from what is stored (for the audit).
CREATE OR REPLACE FUNCTION ledger.stored_digest(e ledger.entry, p_movements text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(ledger.entry_form(
    (e).member_id, (e).sequence, (e).business_date, (e).kind, (e).merchant_id, (e).store_id,
    (e).terminal, (e).merchant_ref, (e).receipt, (e).channel, (e).amount, (e).base, (e).currency,
    (e).original_sequence, (e).original_date, (e).effective_at, (e).recorded_at, (e).actor,
    (e).explanation, (e).earned) || coalesce(p_movements, '')
    || ledger.made_lots((e).member_id, (e).sequence), 'UTF8'));

-- Shares a total over weights in whole units: each share floored, what is left over one by one to
-- the largest remainders, ties to the earlier place (Hamilton's method). No share exceeds its
-- weight as long as the total does not exceed the weights' sum.
CREATE OR REPLACE FUNCTION ledger.spread(p_total bigint, p_weights bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE
RETURN (
    WITH shares AS (
        SELECT w.place,
               div(p_total::numeric * w.weight, s.whole) AS floored,
               mod(p_total::numeric * w.weight, s.whole) AS remainder
        FROM unnest(p_weights) WITH ORDINALITY AS w (weight, place),
             (SELECT greatest(sum(x), 1) AS whole FROM unnest(p_weights) AS x) AS s
    ), ranked AS (
        SELECT place, floored,
               row_number() OVER (ORDER BY remainder DESC, place) AS rank,
               p_total - sum(floored) OVER () AS left_over
        FROM shares
    )
    SELECT array_agg((floored + CASE WHEN rank <= left_over THEN 1 ELSE 0 END)::bigint
                     ORDER BY place)
    FROM ranked
);

-- A sum of points that stays a bigint and raises beyond it: sum() makes a numeric for each group, which
-- takes the audit longer than to add it up.
CREATE OR REPLACE AGGREGATE ledger.total (points bigint) (
    SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE
);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
-- The audit reads as the application.
GRANT EXECUTE ON FUNCTION
    ledger.programme_date(timestamptz),
    ledger.movement_form(integer, ledger.account, ledger.account, uuid, uuid, bigint, bigint, uuid,
        date, bigint),
    ledger.stored_form(integer, ledger.account, ledger.account, uuid, uuid, bigint, bigint, uuid,
        date, bigint),
    ledger.entry_form(uuid, bigint, date, text, uuid, uuid, text, text, text, text, bigint, bigint,
        text, bigint, date, timestamptz, timestamptz, text, json, bigint[]),
    ledger.lot_form(bigint, bigint, uuid, uuid, numeric, date, date),
    ledger.made_lots(uuid, bigint),
    ledger.stored_digest(ledger.entry, text),
    ledger.total(bigint)
    TO peyvand_app;
