"""A merchant's statement on paper, in Persian or English, with a code to check it by.

It says what the JSON says: every sum, every line (numbered as there), whom with, and the seal. Its
bytes follow from the statement, the language and ``FORM``: the date inside is the moment at which
the window settled. A statement of more than ``MOST_LINES`` lines has its sums by kind and leaves
the lines to the JSON and the CSV, which nobody prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from network.clearing.checking import check_code
from network.clearing.facts import PartyView, StatementLine, StatementView
from network.clearing.paper import HEIGHT, INNER, MARGIN, Sheet
from network.clearing.paper_lines import PaperLines, paper_lines
from network.clearing.statement_rows import (
    PLACES,
    Column,
    Group,
    Printed,
    by_side,
    counterparty,
    digits,
    moment,
    most_places,
    tax_cells,
    tax_columns,
)
from network.clearing.statement_words import (
    carried_label,
    direction_label,
    kind_label,
    period,
    reserve_lines,
    sums,
)
from network.ids import EntryIds, encode
from network.language import (
    current_locale,
    format_datetime,
    format_decimal,
    format_long_date,
    format_number,
    use_locale,
)
from network.language import gettext as _
from network.merchants.queries import SPONSOR
from network.signing.queries import LIVE

FORM = "5"
"""Counts up when the drawing changes, so that a validator of other bytes is another."""

CHECK_PATH, OF_SANDBOX = "/verify", "test"
"""Where the gateway checks the code of a paper, and the parameter that names whose sandbox's."""

_ROW, _FOOT = 5.2, HEIGHT - 20
_STRONG = ("net", "closing", "deposit_closing")


def statement_pdf(
    statement: StatementView,
    *,
    lines: Iterable[StatementLine],
    entry_ids: EntryIds,
    locale: str,
    check_url: str,
    environment: str = LIVE,
    names: Mapping[str, PartyView] | None = None,
) -> bytes:
    """Return the statement as PDF in ``locale``; ``check_url`` is the page that checks its code.

    ``names`` has the names of counterparties by their codes. A sandbox's, of the ``environment``
    ``test``, says on each page that nothing in it is real.
    """
    found = paper_lines(statement, lines=lines, entry_ids=entry_ids, names=names)
    return draw_statement(
        statement, found, locale=locale, check_url=check_url, environment=environment
    )


def draw_statement(
    statement: StatementView,
    found: PaperLines,
    *,
    locale: str,
    check_url: str,
    environment: str = LIVE,
) -> bytes:
    """Return the statement as PDF; it reads nothing, so any process can draw it."""
    with use_locale(locale):
        paper = _Paper(statement, check_url=check_url, environment=environment)
        return paper.draw(found)


class _Paper:
    """One statement on its sheet; ``self._y`` is where the next row goes."""

    def __init__(self, statement: StatementView, *, check_url: str, environment: str) -> None:
        self._statement = statement
        self._code = check_code(statement.digest)
        self._window = encode("win", statement.window.window_id)
        # The code of a sandbox's paper is found nowhere among what counts: its owner is asked too.
        of = {} if environment == LIVE else {OF_SANDBOX: statement.merchant.code}
        self._check_url = check_url + ("?" + urlencode(of) if of else "")
        self._square_url = f"{check_url}?{urlencode({'code': self._code, **of})}"
        created_at = statement.window.settled_at or datetime.combine(
            statement.window.end_day, datetime.min.time(), tzinfo=UTC
        )
        self._sheet = Sheet(
            locale=current_locale(),
            title=f"{self._merchant()} · {period(statement.window)}",
            created_at=created_at.astimezone(UTC).replace(microsecond=0),
            warning=None
            if environment == LIVE
            else _("TEST: from a sandbox, nothing in it is real"),
        )
        self._y = 0.0

    def draw(self, found: PaperLines) -> bytes:
        self._sheet.page()
        self._head()
        self._totals()
        self._names = found.names
        self._groups(found.groups)
        self._taxes()
        self._lines(found.printed)
        self._seal()
        self._sheet.on_every_page(self._foot)
        return self._sheet.finish()

    def _head(self) -> None:
        sheet, side = self._sheet, 27.0
        sheet.text(_("Peyvand"), at=0, y=MARGIN, width=90, size=17, bold=True)
        sheet.text(_("Settlement statement"), at=0, y=MARGIN + 9.5, width=120, size=12, grey=90)
        sheet.square_code(self._square_url, at=INNER - side, y=MARGIN, side=side)
        facts = (
            (self._of(), f"{self._merchant()} ({self._statement.merchant.code})"),
            (_("Business days"), period(self._statement.window)),
            (_("Settled at"), self._settled()),
            (_("Window"), self._window),
            (_("Currency"), _("Rials (IRR)") if self._currency == "IRR" else self._currency),
            (_("Check code"), self._code),
        )
        self._y = MARGIN + 20
        for label, value in facts:
            sheet.text(label, at=0, y=self._y, width=28, grey=110)
            sheet.text(value, at=29, y=self._y, width=INNER - side - 34, bold=value == self._code)
            self._y += _ROW
        self._y += 4

    @property
    def _currency(self) -> str:
        return self._statement.totals.currency

    def _of(self) -> str:
        return _("Sponsor") if self._statement.merchant.kind == SPONSOR else _("Merchant")

    def _merchant(self) -> str:
        merchant = self._statement.merchant
        return merchant.name_fa if current_locale() == "fa" else merchant.name_en

    def _settled(self) -> str:
        moment = self._statement.window.settled_at
        return "—" if moment is None else format_datetime(moment)

    def _totals(self) -> None:
        self._title(_("Balance"))
        for each in sums(self._statement.totals):
            strong = each.name in _STRONG
            if strong:
                self._sheet.band(y=self._y - 0.6, height=_ROW)
            self._sheet.text(each.sign, at=2, y=self._y, width=5, bold=strong)
            self._sheet.text(each.label, at=8, y=self._y, width=104, bold=strong)
            self._sheet.text(
                format_number(each.value),
                at=INNER - 40,
                y=self._y,
                width=38,
                bold=strong,
                units=True,
            )
            self._y += _ROW
        carried = self._statement.totals.carried
        if carried is not None:
            self._sheet.text(
                carried_label(carried), at=2, y=self._y + 0.5, width=INNER - 4, size=7.5
            )
            self._y += _ROW
        self._reserve()
        for note in (
            _("Above zero the network owes the merchant, below zero the merchant owes it."),
            _("Figures stand as in the JSON; the sign before a name says how its figure counts."),
            _("What is to be paid has moved only once the bank has booked it."),
        ):
            self._sheet.text(note, at=2, y=self._y + 0.5, width=INNER - 4, size=7.5, grey=110)
            self._y += _ROW - 1
        self._y += 4

    def _reserve(self) -> None:
        """Say what the network holds of a merchant that leaves, and when it comes free."""
        held = self._statement.reserve
        if held is None:
            return
        for line in reserve_lines(held):
            self._sheet.text(line, at=2, y=self._y + 0.5, width=INNER - 4, size=7.5)
            self._y += _ROW

    def _groups(self, groups: dict[tuple[str, str, str], Group]) -> None:
        if not groups:
            return
        columns = (
            # Wide enough for every side and kind in both languages.
            Column(head=_("Side"), at=2, width=26),
            Column(head=_("Kind"), at=29, width=49),
            Column(head=_("Counterparty"), at=79, width=28),
            Column(head=_("Lines"), at=108, width=14, number=True),
            Column(head=_("Points"), at=123, width=24, number=True),
            Column(head=_("Amount"), at=148, width=INNER - 150, number=True),
        )
        self._title(_("By kind"))
        self._heads(columns)
        found = sorted(groups.items(), key=by_side)
        # What the deposit paid is no part of the net, and stands below it with a sum of its own.
        for title, deposit in (
            (_("Net of this window"), False),
            (_("Paid out of the deposit, no part of the net"), True),
        ):
            part = [(key, group) for key, group in found if (key[0] == "deposit") is deposit]
            for key, group in part:
                self._group(columns, key, group)
            if part or not deposit:
                whole = format_number(sum(group.amount for _key, group in part))
                self._row(columns, ("", "", "", "", "", whole), bold=True, title=title)
        self._y += 5

    def _group(self, columns: Sequence[Column], key: tuple[str, str, str], group: Group) -> None:
        direction, kind, whom = key
        self._row(
            columns,
            (
                direction_label(direction),
                kind_label(kind),
                counterparty(whom, self._statement, self._names),
                format_number(group.lines),
                format_number(group.points),
                format_number(group.amount),
            ),
        )

    def _taxes(self) -> None:
        """Say what the merchant's VAT falls on and at which rate, and what it is paid from."""
        taxes = self._statement.taxes
        if not taxes:
            return
        self._title(_("Value added tax"))
        columns = tax_columns(taxes)
        self._heads(columns)
        for tax in taxes:
            self._row(columns, tax_cells(tax))
        self._y += 5

    def _lines(self, lines: Sequence[Printed]) -> None:
        count = self._statement.totals.lines
        if not lines:
            if count:
                note = _(
                    "The %(count)s lines stand in the JSON and the CSV of this statement.",
                    count=format_number(count),
                )
                self._sheet.text(note, at=2, y=self._y, width=INNER - 4, grey=90)
                self._y += _ROW + 3
            return
        columns = (
            Column(head=_("No."), at=0, width=11, number=True),
            Column(head=_("Recorded"), at=13, width=27),
            Column(head=_("Kind"), at=41, width=29),
            Column(head=_("Counterparty"), at=71, width=21),
            Column(head=_("Reference"), at=93, width=25),
            Column(head=_("Entry"), at=119, width=22),
            Column(head=_("Points"), at=141, width=11, number=True),
            Column(
                head=_("Price"),
                at=153,
                width=11,
                number=True,
                places=most_places({line.price for line in lines}),
            ),
            Column(head=_("Amount"), at=165, width=INNER - 165, number=True),
        )
        self._title(_("Every line, numbered as in the JSON"))
        self._heads(columns, size=7)
        for number, line in enumerate(lines, start=1):
            cells = (
                format_number(number),
                moment(line.recorded_at),
                kind_label(line.kind),
                counterparty(line.counterparty, self._statement, self._names),
                line.merchant_ref or "—",
                line.entry,
                format_number(line.points),
                format_decimal(line.price, places=PLACES),
                format_number(line.amount),
            )
            self._row(columns, cells, size=7, height=4.3)
        self._y += 4

    def _seal(self) -> None:
        self._room(34)
        self._title(_("What proves it"))
        seal = self._statement.seal
        facts = [
            (_("Digest"), f"sha-256:{self._statement.digest.hex()}"),
            (_("Head of the seal"), self._statement.seal_head.hex()),
        ]
        if seal is not None:
            facts.append((_("Sealed day"), format_long_date(seal.business_date, weekday=False)))
            facts.append((_("Signed with"), seal.key_id))
        for label, value in facts:
            self._sheet.text(label, at=2, y=self._y, width=30, size=7.5, grey=110)
            self._sheet.text(value, at=33, y=self._y, width=INNER - 35, size=7.5)
            self._y += 4.4
        note = _(
            "The digest is the SHA-256 of the lines and totals of the JSON in the form of RFC 8785."
        )
        self._sheet.text(note, at=2, y=self._y + 0.5, width=INNER - 4, size=7.5, grey=110)

    def _title(self, text: str) -> None:
        self._room(22)
        self._sheet.text(text, at=0, y=self._y, width=INNER, size=11, bold=True)
        self._y += 6.5
        self._sheet.rule(y=self._y, grey=120, weight=0.3)
        self._y += 1.8

    def _room(self, height: float) -> bool:
        """Begin a page where ``height`` does not fit any more; return whether that was so."""
        if self._y + height <= _FOOT:
            return False
        self._sheet.page()
        self._y = MARGIN
        return True

    def _heads(self, columns: Sequence[Column], *, size: float = 8.5) -> None:
        for column in columns:
            self._sheet.text(
                column.head,
                at=column.at,
                y=self._y,
                width=column.width,
                size=size,
                units=column.number,
                grey=110,
            )
        self._y += _ROW
        self._sheet.rule(y=self._y - 0.7)

    def _row(
        self,
        columns: Sequence[Column],
        cells: Sequence[str],
        *,
        size: float = 8.5,
        height: float = _ROW,
        bold: bool = False,
        title: str = "",
    ) -> None:
        if self._room(height):
            self._heads(columns, size=size)
        if title:
            self._sheet.text(title, at=2, y=self._y, width=120, size=size, bold=bold)
        for column, cell in zip(columns, cells, strict=True):
            self._sheet.text(
                cell,
                at=column.at,
                y=self._y,
                width=column.width,
                size=size,
                bold=bold,
                units=column.number,
                rest=column.rest(cell),
            )
        self._y += height
        self._sheet.rule(y=self._y - 0.7, grey=228, weight=0.1)

    def _foot(self, number: int) -> None:
        sheet, y = self._sheet, HEIGHT - MARGIN
        page = _(
            "Page %(page)s of %(pages)s",
            page=digits(number),
            pages=digits(sheet.pages),
        )
        check = _("Check this paper at %(address)s", address=self._check_url)
        sheet.text(check, at=0, y=y, width=105, size=7.5, grey=110)
        sheet.text(self._code, at=107, y=y, width=45, size=7.5, grey=110)
        sheet.text(page, at=INNER - 30, y=y, width=30, size=7.5, end=True, grey=110)
