"""The processes without pages: ``python -m config.parts worker|relay|schedule [QUEUE…]``."""

from __future__ import annotations

import os
import signal
import sys
import threading

import redis

from config.environment import load_settings
from config.logging import configure
from config.queues import QUEUES
from network.errors import PeyvandError
from network.services import Services


def main(arguments: list[str]) -> int:
    """Run one part until SIGTERM or SIGINT; return its exit code."""
    part, *names = arguments or [""]
    configure("-".join([part, *names]))
    try:
        settings = load_settings(os.environ, owner=part == "schedule")
        connection = redis.Redis.from_url(settings.redis_url)
        if part == "worker":
            from config import worker

            worker.run(connection, names=names or QUEUES)
            return 0
        services = Services.from_settings(settings, application_name=f"peyvand-{part}")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if part == "relay":
            from config import relay

            relay.run(services, connection, stop=stop)
        elif part == "schedule":
            from config import schedule

            schedule.run(services, connection, stop=stop)
        else:
            sys.stderr.write("usage: python -m config.parts worker|relay|schedule [QUEUE…]\n")
            return 2
    except PeyvandError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    services.database.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
