"""A container's health check: ``python -m config.health PORT``."""

from __future__ import annotations

import http.client
import sys

HEALTH_PATH = "/-/health"
_TIMEOUT_SECONDS = 2.0


def healthy(port: int, *, host: str = "127.0.0.1") -> bool:
    """Return whether the front on ``port`` answers and reaches the database."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if healthy(int(sys.argv[1])) else 1)
