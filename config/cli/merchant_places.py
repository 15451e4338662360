"""``peyvand merchant store|terminal``: places of a merchant and their tills."""

from __future__ import annotations

import click

from config.cli.merchant_work import done, find, working
from network.language import gettext as _
from network.merchants import places

_CODE = click.argument("code")
_STORE = click.argument("store_code")
_TILL = click.argument("till")


@click.group()
def store() -> None:
    """Stores of a merchant: add, rename, close."""


@store.command("add")
@_CODE
@_STORE
@click.option("--name-fa", required=True)
@click.option("--name-en", required=True)
@click.option("--city-fa", default="")
@click.option("--city-en", default="")
def add_store(
    code: str, store_code: str, name_fa: str, name_en: str, city_fa: str, city_en: str
) -> None:
    """Add a store; its code is what tills send."""
    with working("store") as work:
        places.add_store(
            work.session,
            merchant_id=find(work, code).merchant_id,
            code=store_code,
            name_fa=name_fa,
            name_en=name_en,
            city_fa=city_fa,
            city_en=city_en,
        )
        work.record("store.added", code, {"store": store_code, "name_en": name_en})
    done(_("Written down for %(code)s.", code=code))


@store.command("rename")
@_CODE
@_STORE
@click.option("--name-fa", required=True)
@click.option("--name-en", required=True)
@click.option("--city-fa", default="")
@click.option("--city-en", default="")
def rename_store(
    code: str, store_code: str, name_fa: str, name_en: str, city_fa: str, city_en: str
) -> None:
    """Give a store other names; its code stays."""
    with working("store") as work:
        places.rename_store(
            work.session,
            merchant_id=find(work, code).merchant_id,
            code=store_code,
            name_fa=name_fa,
            name_en=name_en,
            city_fa=city_fa,
            city_en=city_en,
        )
        work.record("store.renamed", code, {"store": store_code, "name_en": name_en})
    done(_("Written down for %(code)s.", code=code))


@store.command("close")
@_CODE
@_STORE
def close_store(code: str, store_code: str) -> None:
    """Have a store take no more calls."""
    with working("store") as work:
        places.close_store(
            work.session,
            merchant_id=find(work, code).merchant_id,
            code=store_code,
            now=work.now,
        )
        work.record("store.closed", code, {"store": store_code})
    done(_("Written down for %(code)s.", code=code))


@click.group()
def terminal() -> None:
    """Tills of a store. Once one is listed, the store takes calls from listed tills alone."""


@terminal.command("add")
@_CODE
@_STORE
@_TILL
@click.option("--name", required=True)
def add_terminal(code: str, store_code: str, till: str, name: str) -> None:
    """Put a till on the list of its store."""
    with working("terminal") as work:
        places.add_terminal(
            work.session,
            merchant_id=find(work, code).merchant_id,
            store=store_code,
            code=till,
            name=name,
            now=work.now,
        )
        work.record("terminal.added", code, {"store": store_code, "terminal": till})
    done(_("Written down for %(code)s.", code=code))


@terminal.command("rename")
@_CODE
@_STORE
@_TILL
@click.option("--name", required=True)
def rename_terminal(code: str, store_code: str, till: str, name: str) -> None:
    """Give a till another name."""
    with working("terminal") as work:
        places.rename_terminal(
            work.session,
            merchant_id=find(work, code).merchant_id,
            store=store_code,
            code=till,
            name=name,
        )
        work.record("terminal.renamed", code, {"store": store_code, "terminal": till})
    done(_("Written down for %(code)s.", code=code))


@terminal.command("close")
@_CODE
@_STORE
@_TILL
def close_terminal(code: str, store_code: str, till: str) -> None:
    """Refuse a till's calls from now on."""
    with working("terminal") as work:
        places.close_terminal(
            work.session,
            merchant_id=find(work, code).merchant_id,
            store=store_code,
            code=till,
            now=work.now,
        )
        work.record("terminal.closed", code, {"store": store_code, "terminal": till})
    done(_("Written down for %(code)s.", code=code))
