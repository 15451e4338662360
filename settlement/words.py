"""What steps, control totals and failures of a night are called, in the reader's language."""

from __future__ import annotations

from network.clearing.facts import RunView
from network.errors import PeyvandError
from network.language import gettext as _


def step_label(step: str) -> str:
    """Return the name of a step of the night."""
    return {
        "close": _("Close the day"),
        "seal": _("Seal the closed day"),
        "prove": _("Prove the outstanding points"),
        "mature": _("Activate and expire what is due"),
        "obligations": _("Reckon obligations"),
        "positions": _("Net to positions"),
        "statements": _("Draft statements and check totals"),
        "publish": _("Publish statements"),
        "done": _("Settled"),
    }.get(step, step)


def check_label(name: str) -> str:
    """Return what a control total compares."""
    return {
        "days_in_one_window": _("Each business day stands in exactly one window"),
        "postings_in_obligations": _(
            "Each posting that money follows stands behind exactly one obligation"
        ),
        "pool_covers_points": _("Pool = Σ points on issue × price"),
        "rounding_is_small": _("The pool's rounding is a few units at most"),
        "deposits_in_money_ledger": _("Deposits = accounts in the money ledger"),
        "pool_in_money_ledger": _("Pool = its account in the money ledger"),
        "points_in_obligations": _("Points in postings = points in obligations"),
        "obligations_recomputed": _("Stored obligations = recomputed obligations"),
        "points_times_price": _("Each obligation = points × price, within half a unit"),
        "details_add_up": _("Σ details = obligations"),
        "positions_sum_to_zero": _("Σ net positions = 0"),
        "positions_from_obligations": _("Positions = sums of obligations"),
        "bilateral_equals_multilateral": _("Netting pair by pair gives the same positions"),
        "statements_from_positions": _("Statements = positions"),
        "openings_are_closings": _("Opening balances = closing balances before"),
        "closings_follow": _("Opening + net + returned − called − paid = closing"),
        "closings_in_money_ledger": _("Closing balances = accounts in the money ledger"),
        "payments_from_statements": _("Payments = what the statements say is paid"),
        "statements_published": _("Published statements = drafted statements"),
    }.get(name, name)


def failure(error: PeyvandError) -> str:
    """Return in one sentence why a night did not settle, for a person."""
    return _failure(error.code, error.message)


def run_failure(run: RunView) -> str | None:
    """Return in one sentence why a stored run did not settle, ``None`` where it did not fail."""
    if run.error_code is None:
        return None
    return _failure(run.error_code, run.error or run.error_code)


def _failure(code: str, detail: str) -> str:
    said = {
        "settlement_day_not_over": _("That business day has not ended yet."),
        "settlement_day_unknown": _("The network has no such business day."),
        "settlement_in_progress": _("Another process is settling that day right now."),
        "settlement_earlier_day": _("An earlier day does not settle, and this one waits for it."),
        "settlement_totals_differ": _(
            "Control totals do not agree: the run stopped and published nothing."
        ),
        "settlement_input_changed": _(
            "The day was begun with other input than is found now: it is not settled again."
        ),
        "settlement_price_missing": _("A price is missing: no agreement or face value says it."),
        "settlement_amount_too_large": _("An amount is larger than an amount can be."),
        "settlement_claim_lost": _("Another process took the run over."),
        "settlement_not_settled": _("That business day is not settled."),
    }.get(code)
    return detail if said is None else f"{said} ({detail})"
