"""``peyvand demo``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from config.demo.plans import Plan
    from config.demo.story import Say, Story
    from config.home import Home
    from network.ledger.audit import Check
    from network.services import Services


@click.command()
@click.option("--days", type=click.IntRange(1), help="Only so many; 14 there are by themselves.")
@click.option("--full", is_flag=True, help="The whole year, where `make build/year.csv` cut it.")
@click.option("--no-serve", is_flag=True, help="End after the play instead of serving the apps.")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON.")
@click.option("--sign-ins", is_flag=True, help="Only show how to sign in to the running demo.")
@click.option("--ports-from", type=click.IntRange(1024, 65000), default=8800, show_default=True)
def demo(
    *, days: int | None, full: bool, no_serve: bool, as_json: bool, sign_ins: bool, ports_from: int
) -> None:
    """Play two weeks of purchases through the gateway, settle each night, keep the apps running."""
    from config.demo import show
    from config.demo.plans import plan_of
    from config.home import Home

    home = Home.from_environment(os.environ)
    if sign_ins:
        show.sign_ins(home.path)
        return
    try:
        plan = plan_of(days=days, full=full)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--days") from error
    if plan.cut_short:
        show.no_year(days=plan.days)
    clean = _run(home, plan=plan, serve=not no_serve, as_json=as_json, ports_from=ports_from)
    sys.exit(0 if clean else 1)


def _run(home: Home, *, plan: Plan, serve: bool, as_json: bool, ports_from: int) -> bool:
    from config.demo import show
    from config.demo.clearing_away import clear
    from config.demo.script import DAYS
    from config.demo.story import begin_simulated, first_day_of, play
    from config.environment import open_services
    from config.logging import configure
    from config.supervisor import stop_signals
    from config.up import FRONTS, Options, running
    from network.clock import wall_now

    environment = installation_of(home.path)
    clear(home)
    configure("demo")
    first_day = first_day_of(wall=wall_now(), days=plan.days)
    began = time.monotonic()
    ports = {name: ports_from + place if serve else 0 for place, name in enumerate(FRONTS)}
    with (
        stop_signals() as signals,
        running(
            Options(ports=ports, background_log=home.background_log),
            environment,
            signals=signals,
            before_fronts=partial(begin_simulated, first_day=first_day, days=max(plan.days, DAYS)),
        ) as (supervisor, addresses),
        open_services(environment, application_name="peyvand-demo") as services,
    ):
        ready = time.monotonic()
        with show.progress(quiet=as_json, signals=signals) as say:
            story = play(
                services,
                gateway_url=addresses["gateway"],
                home=home.path,
                first_day=first_day,
                days=plan.days,
                say=say,
                purchases=plan.purchases,
                pace=plan.pace,
            )
            checks = _audit(services, say)
        measured = {"setup_seconds": ready - began, "play_seconds": time.monotonic() - ready}
        if as_json:
            click.echo(json.dumps(_as_record(services, story, checks, measured), indent=1))
        else:
            show.outcome(services, story, checks=checks, measured=measured, log=home.background_log)
        if serve:
            show.addresses(addresses, story, home=home.path)
            while not signals.wait():
                supervisor.look(now=time.monotonic())
    return not any(check.differences for check in checks)


def installation_of(home: Path) -> dict[str, str]:
    """Return our environment with the demo's own services: servers named there are not ours."""
    from config.demo.accounts import made_up_iban

    foreign = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {
        "PEYVAND_PAYMENT_IBAN": made_up_iban("the house"),
        **kept,
        "PEYVAND_HOME": str(home),
    }


def _audit(services: Services, say: Say) -> list[Check]:
    from config.cli.audit import every_check, seal_verifier

    done = []
    with services.database.snapshot() as session:
        for check in every_check(session, verify=seal_verifier(session)):
            done.append(check)
            say("audit", len(done), len(done) + 1)
    return done


def _as_record(
    services: Services, story: Story, checks: Sequence[Check], measured: Mapping[str, float]
) -> dict[str, Any]:
    from config.demo import show

    return {
        "first_day": story.first_day.isoformat(),
        "days": [
            {
                "business_date": day.business_date.isoformat(),
                "requests": day.taken.requests,
                "refused": day.taken.refused,
                "by_kind": dict(day.taken.by_kind),
                "obligations": day.obligations,
                "seconds": round(day.seconds, 3),
                "night_seconds": round(day.night_seconds, 3),
            }
            for day in story.days
        ],
        "positions": show.final_positions(services, story),
        "audit": [asdict(check) for check in checks],
        "measured": {**measured, **show.latencies(story)},
    }
