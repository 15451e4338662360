"""What only some statements tell: the cover of a merchant that leaves, and VAT."""

from __future__ import annotations

from merchant_gateway.schemas.shapes import WHOLE, list_of, states, text, whole

RESERVE = whole(
    deposit=WHOLE,
    reserve=WHOLE,
    points=text("Points of the merchant's own that were out.") | {"type": "integer"},
    release=list_of(
        whole(
            month=text("Year and month, 2026-12."),
            points=WHOLE,
            frees=text("What comes free by the end of the month at the latest.")
            | {"type": "integer"},
            stays=WHOLE,
        )
    ),
) | {"description": "What the network holds of a merchant that leaves; on its statements alone."}
TAXES = list_of(
    whole(
        kind=text("The kind of its lines: `vat`, `acceptance_vat`, or either with `_return`."),
        direction=states("vat", "deposit"),
        fee=text("Rials per point that the tax falls on, exact."),
        rate=text("The rate of the tax: 0.1 is 10 %."),
        price=text("VAT per point: fee × rate, half to even to ten places, as on its lines."),
        points=WHOLE,
        base=text("What the tax falls on: points × fee, rials, exact."),
        amount=WHOLE,
    )
) | {"description": "What of VAT the merchant pays, on what and at which rate; where it pays any."}
