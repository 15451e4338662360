"""``peyvand obligations``: who owes whom for a business day's points."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import click
from rich.table import Table
from sqlalchemy.orm import Session

from config.cli.positions import DAY, settled_window, wide_console
from config.environment import open_services
from network.clearing import queries, terms
from network.clearing.facts import ObligationView, WindowView
from network.clearing.parties import account_code
from network.clearing.statements import plain
from network.ids import encode
from network.language import format_decimal, format_number
from network.language import gettext as _

_PRICE_PLACES = 10


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The business day.")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON, in minor units.")
def obligations(day: datetime, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Print the obligations of a settled business day, the network's margins among them.

    In the JSON "issuer" owes "acceptor", which is the network for its margin; "issued_by" is the
    merchant whose points they are, "taken_by" the one that took them.
    """
    with (
        open_services(os.environ, application_name="peyvand-obligations") as services,
        services.database.reading() as session,
    ):
        rows = as_records(session, window=settled_window(session, day=day.date()))
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(title=_("Obligations of %(day)s", day=day.date()), title_justify="left")
    for heading in (_("Payer"), _("Acceptor"), _("Payee"), _("Kind")):
        table.add_column(heading)
    for heading in (_("Points"), _("Price"), _("Amount"), _("Terms")):
        table.add_column(heading, justify="right")
    table.add_column(_("Obligation"), overflow="fold")
    for row in rows:
        figures = (
            format_number(row["points"]),
            format_decimal(Decimal(row["price"]), places=_PRICE_PLACES),
            format_number(row["amount"]),
        )
        versions = f"{row['terms_version']} / {row['acceptor_terms_version']}"
        parties = (row["payer"], row["taken_by"] or "–", row["payee"])
        table.add_row(*parties, row["kind"], *figures, versions, row["id"])
    wide_console().print(table)


def as_records(session: Session, *, window: WindowView) -> list[dict[str, Any]]:
    """Return a window's obligations as their stable JSON, in minor units.

    ``issuer`` is who owes the amount and ``acceptor`` whom it is owed to, so that amounts by these
    two add up to positions: the merchant that took the points, the network for its margin. Other
    accounts than those that are paid stand behind a colon (``network:pool``). The other fields say
    it in the console's words: ``payer``, ``payee``, ``issued_by``, ``taken_by`` (null where nobody
    took the points).
    """
    found = queries.obligations(session, window=window)
    known = terms.terms_behind(session, obligations=[each.fact for each in found])
    return [_record(each, known) for each in found]


def _record(each: ObligationView, known: Mapping[UUID, terms.TermsView]) -> dict[str, Any]:
    fact = each.fact
    payer = account_code(each.payer.code, fact.payer_account)
    payee = account_code(each.payee.code, fact.payee_account)
    return {
        "issuer": payer,
        "acceptor": payee,
        "points": fact.points,
        "amount": fact.amount,
        "currency": fact.currency,
        "kind": fact.kind,
        "id": encode("obl", fact.obligation_id),
        "payer": payer,
        "payee": payee,
        "issued_by": each.issuer.code,
        "taken_by": each.acceptor.code if fact.priced_on else None,
        "price": plain(fact.price),
        "terms_version": _version(known, fact.terms_id),
        "acceptor_terms_version": _version(known, fact.acceptor_terms_id),
        "postings": fact.postings,
    }


def _version(known: Mapping[UUID, terms.TermsView], terms_id: UUID) -> int | None:
    found = known.get(terms_id)
    return None if found is None else found.version
