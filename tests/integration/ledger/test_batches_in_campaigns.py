"""Groups of purchases that campaigns add to leave what they leave one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from network.clearing.parties import NETWORK_PARTY
from network.clock import local_date
from network.ids import uuid7
from network.ledger import operations, operations_campaigns
from network.ledger.batch_arguments import CampaignEarning
from network.ledger.errors import Refusal
from network.ledger.operations_batch import earn_in_campaigns
from network.ledger.values import Grant, MixedGrants, Posted, Takings
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands

_TAKEN = (
    "(SELECT member_id, sequence, campaign_id, business_date, person_id, sum(points) AS points "
    "FROM ledger.campaign_taking GROUP BY 1, 2, 3, 4, 5)"
)
_ROWS = (
    *(f"ledger.{name}" for name in ("wallet", "lot", "entry", "movement", "earned_part")),
    "ledger.reference",
    "ledger.campaign_person",
    # From which slices it is taken is told from the sums below.
    _TAKEN,
)
_LEFT = text("""
    SELECT sum(s.budget - s.taken), sum(s.taken) = coalesce(
        (SELECT sum(t.points) FROM ledger.campaign_taking AS t
         WHERE t.campaign_id = CAST(:id AS uuid)), 0)
    FROM ledger.campaign_slice AS s WHERE s.campaign_id = CAST(:id AS uuid)
""")
_WRONG_DIGESTS = text("""
    SELECT count(*) FROM ledger.entry AS e
    WHERE member_id = ANY (CAST(:members AS uuid[])) AND digest <> ledger.stored_digest(e, (
        SELECT string_agg(ledger.movement_form(line, source, target, issuer_id, acceptor_id, lot_id,
            target_lot_id, terms_id, priced_on, points), '' ORDER BY line)
        FROM ledger.movement AS p
        WHERE p.member_id = e.member_id AND p.sequence = e.sequence))
""")


@dataclass(frozen=True, slots=True)
class Budget:
    points: int
    slices: int
    person_cap: int | None
    day_cap: int | None
    running: bool


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase: points line by line, and what each campaign adds to lines, by two funders."""

    member: int
    own: Sequence[int]
    added: Mapping[int, Sequence[tuple[int, int]]]
    ref: int | None
    historic: bool
    starts: int
    rest: int


BUDGETS = st.lists(
    st.builds(
        Budget,
        points=st.sampled_from((20, 45, 90, 10_000)),
        slices=st.integers(1, 4),
        person_cap=st.sampled_from((None, None, 25)),
        day_cap=st.sampled_from((None, None, 30)),
        running=st.sampled_from((True, True, True, True, False)),
    ),
    min_size=2,
    max_size=2,
)
PURCHASES = st.lists(
    st.builds(
        Bought,
        member=st.integers(0, 4),
        own=st.lists(st.integers(0, 9), min_size=1, max_size=3),
        added=st.dictionaries(
            st.integers(0, 1),
            st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), min_size=3, max_size=3),
        ),
        ref=st.sampled_from((None, None, None, None, None, 1)),
        historic=st.booleans(),
        starts=st.sampled_from((0, 0, 0, 3)),
        rest=st.sampled_from((0, 0, 7)),
    ),
    min_size=2,
    max_size=7,
)
STATES = st.lists(
    st.sampled_from(("new", "new", "new", "owes", "due", "closed")), min_size=5, max_size=5
)


def _wallet(hands: Hands, state: str) -> UUID:
    member_id = hands.wallet()
    if state == "due":
        hands.earn(member_id, 40, ref="before", days=1)
    elif state == "owes":
        first = hands.earn(member_id, 30, ref="before")
        hands.redeem(member_id, 30, ref="spent")
        with hands.database.ledger() as connection:
            operations.refund_earn(
                connection,
                now=hands.now,
                claim=hands.claim(),
                member_id=member_id,
                original=first.sequence,
                event=hands.event(hands.bakery, "back"),
                amount=500,
                lines=None,
                evidence=None,
            )
    elif state == "closed":
        with hands.database.ledger() as connection:
            operations.set_wallet_status(connection, member_id=member_id, status="closed")
    return member_id


def _next_day(hands: Hands) -> datetime:
    """Return when all is posted: by then what was due in a day is."""
    return hands.now + timedelta(days=1)


def _campaign(hands: Hands, budget: Budget) -> UUID:
    campaign_id = uuid7()
    with hands.database.ledger() as connection:
        operations_campaigns.open_campaign(
            connection,
            campaign_id=campaign_id,
            budget=budget.points,
            slices=budget.slices,
            person_cap=budget.person_cap,
            day_cap=budget.day_cap,
        )
        if not budget.running:
            operations_campaigns.run_campaign(connection, campaign_id=campaign_id, running=False)
    return campaign_id


def _grants(hands: Hands, one: Bought, campaigns: Sequence[UUID]) -> list[Grant]:
    starts = local_date(_next_day(hands), zone=PROGRAMME_ZONE) + timedelta(days=one.starts)
    own = [
        Grant(
            issuer_id=hands.bakery,
            terms_id=hands.bakery,
            price=Decimal("950.5"),
            points=points,
            base=10 + line,
            active_from=starts,
            expires_on=starts + timedelta(days=90),
            line=line,
        )
        for line, points in enumerate(one.own)
    ]
    added = [
        replace(grant, issuer_id=issuer, terms_id=campaign, campaign_id=campaign, points=part)
        for place, shares in one.added.items()
        for campaign in (campaigns[place],)
        for funder, issuer in enumerate((NETWORK_PARTY, hands.cinema))
        for grant, share in zip(own, shares, strict=False)
        if (part := share[funder])
    ]
    return own + added


def _rows(hands: Hands, members: Sequence[UUID], campaigns: Sequence[UUID]) -> dict[str, Any]:
    """Return members' rows, with places instead of ids that differ."""
    names = {str(each): f"#{place}" for place, each in enumerate((*members, *campaigns))}
    own = "{member_id,digest,recorded_at,slice}"

    def plain(value: Any) -> Any:
        return names.get(value, value) if isinstance(value, str) else value

    found: dict[str, Any] = {}
    with hands.database.reading() as session:
        for table in _ROWS:
            rows = session.execute(
                text(
                    f"SELECT member_id, to_jsonb(t) - CAST(:own AS text[]) AS facts "
                    f"FROM {table} AS t WHERE member_id = ANY (:members)"
                ),
                {"own": own, "members": list(members)},
            ).all()
            found[table] = sorted(
                (
                    names[str(row.member_id)],
                    sorted((k, repr(plain(v))) for k, v in row.facts.items()),
                )
                for row in rows
            )
        found["left"] = [tuple(session.execute(_LEFT, {"id": each}).one()) for each in campaigns]
        members_text = "{" + ",".join(map(str, members)) + "}"
        assert session.execute(_WRONG_DIGESTS, {"members": members_text}).scalar_one() == 0
    return found


def _said(outcome: Posted | Refusal) -> object:
    """Return an outcome without ids; of several reasons to refuse, either may be told first."""
    if isinstance(outcome, Refusal):
        return "refused"
    told = {name: value for name, value in outcome.result.items() if name != "member_id"}
    return outcome.sequence, told


def _one_by_one(
    hands: Hands, earnings: Sequence[CampaignEarning], grants: Sequence[list[Grant]]
) -> list[object]:
    said: list[object] = []
    for each, granted in zip(earnings, grants, strict=True):
        wanted: dict[UUID, int] = {}
        for grant in granted:
            if grant.campaign_id is not None:
                wanted[grant.campaign_id] = wanted.get(grant.campaign_id, 0) + grant.points
        takings = Takings(sequence=each.expected, campaigns=wanted)
        try:
            with hands.database.ledger() as connection:
                posted = operations.earn(
                    connection,
                    now=_next_day(hands),
                    claim=hands.claim(),
                    member_id=each.member_id,
                    event=each.event,
                    grants=granted,
                    explanation=[],
                    evidence=None,
                    takings=takings if wanted else None,
                )
        except Refusal as refusal:
            said.append(_said(refusal))
        else:
            said.append(_said(posted))
    return said


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(budgets=BUDGETS, purchases=PURCHASES, states=STATES)
def test_a_group_leaves_what_purchases_leave_one_after_the_other(
    hands: Hands, budgets: list[Budget], purchases: list[Bought], states: list[str]
) -> None:
    found = []
    run = str(uuid4())
    for together in (True, False):
        members = [_wallet(hands, state) for state in states]
        campaigns = [_campaign(hands, budget) for budget in budgets]
        sequences = [hands.view(member).sequence for member in members]
        earnings, grants = [], []
        for number, one in enumerate(purchases):
            granted = _grants(hands, one, campaigns)
            grants.append(granted)
            based = sum(10 + line for line in range(len(one.own)))
            happened = replace(
                hands.event(hands.bakery, f"{run}-{number if one.ref is None else 'same'}"),
                amount=based + one.rest,
                base=based + one.rest,
            )
            earnings.append(
                CampaignEarning(
                    member_id=members[one.member],
                    event=happened,
                    grants=MixedGrants.of(granted),
                    explanation=[],
                    expected=sequences[one.member] if one.historic and one.added else None,
                )
            )
            sequences[one.member] += 1
        if together:
            with hands.database.unit_of_work() as session:
                outcomes = earn_in_campaigns(session, now=_next_day(hands), earnings=earnings)
            said = [_said(outcome) for outcome in outcomes]
        else:
            said = _one_by_one(hands, earnings, grants)
        found.append((said, _rows(hands, members, campaigns)))
    event(f"posted {sum(isinstance(each, tuple) for each in found[0][0])} of {len(purchases)}")
    assert found[0] == found[1]
    assert all(exact and left >= 0 for left, exact in found[0][1]["left"])


def test_purchases_that_campaigns_add_to_are_posted_together(hands: Hands) -> None:
    """Two lots each, of which one is a second purchase of a member; one event tells of all."""
    campaigns = [_campaign(hands, Budget(100, 2, 90, None, True)) for _ in range(2)]
    members = [hands.wallet(), hands.wallet()]
    earnings = [
        CampaignEarning(
            member_id=member,
            event=hands.event(hands.bakery),
            grants=MixedGrants.of(
                _grants(
                    hands, Bought(0, [5], {0: [(20, 9)], 1: [(0, 4)]}, None, False, 0, 0), campaigns
                )
            ),
            explanation=[],
        )
        for member in (*members, members[0])
    ]
    with hands.database.unit_of_work() as session:
        outcomes = earn_in_campaigns(session, now=_next_day(hands), earnings=earnings)
        told = session.execute(
            text(
                "SELECT topic, coalesce(points::text, payload ->> 'points') FROM network.outbox "
                "WHERE member_id = ANY (:members) OR strpos(payload ->> 'members', :first) > 0"
            ),
            {"members": members, "first": str(members[0])},
        ).all()
    assert [each.sequence for each in outcomes if isinstance(each, Posted)] == [1, 1, 2]
    assert [tuple(each) for each in told] == [("ledger.issuances", "{38,38,38}")]
