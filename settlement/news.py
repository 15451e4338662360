"""What operators are told of a night: a subject line, then what happened and where to look."""

from __future__ import annotations

from datetime import date

from network.clearing.facts import RunView
from network.language import LOCALES, format_date, use_locale
from network.language import gettext as _
from settlement.words import run_failure, step_label


def night_news(
    *, business_date: date, state: str, run: RunView | None, console: str
) -> dict[str, str]:
    """Return the text about a night in each language; ``state`` is the run's, or ``stalled``."""
    found = {}
    for locale in LOCALES:
        with use_locale(locale):
            subject, lines = _told(format_date(business_date), state=state, run=run)
        address = f"{console}/settlement/nights/{business_date}" if run else console
        found[locale] = "\n".join([subject, *lines, address])
    return found


def _told(day: str, *, state: str, run: RunView | None) -> tuple[str, list[str]]:
    if state == "done":
        return _("Peyvand: the night of %(day)s is settled", day=day), [
            _("Control totals agree; statements are published.")
        ]
    if state == "stalled":
        said = (
            _("It has not begun.")
            if run is None
            else _("Its worker is silent; the last step was: %(step)s", step=step_label(run.step))
        )
        return _("Peyvand: the night of %(day)s stands still", day=day), [said]
    reason = None if run is None else run_failure(run)
    return _("Peyvand: the night of %(day)s did not settle", day=day), [
        *([reason] if reason else []),
        _("Nothing was published. The days after it wait for it."),
    ]
