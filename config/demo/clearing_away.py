"""Removes the demo that was played before, and nothing that is not one."""

from __future__ import annotations

import shutil

from config.home import Home, HomeError
from network.language import gettext as _

MARK = "demo"


def clear(home: Home) -> None:
    """Make the home fit for a new demo: empty, and marked as a demo's.

    Raises HomeError where an installation lives there that is not a demo, and HomeBusyError where
    one is running.
    """
    with home.lock("command"):
        if home.exists():
            if not (home.path / MARK).exists():
                raise HomeError(
                    _(
                        "%(home)s holds an installation that is not a demo; it is left alone. "
                        "Set PEYVAND_HOME to another directory for the demo.",
                        home=home.path,
                    )
                )
            installation = home.installation()
            home.make_places(installation)
            for server in home.servers(installation, {}):
                # Starting stops what a killed demo left behind; then it stops for good.
                server.start()
                server.stop()
            for place in (home.data(installation), home.sockets(installation)):
                shutil.rmtree(place, ignore_errors=True)
            for entry in home.path.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name != "lock":
                    entry.unlink()
        (home.path / MARK).touch()
