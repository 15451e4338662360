"""What goes wrong with the services that Peyvand runs itself."""

from __future__ import annotations

from network.errors import PeyvandError


class ServiceError(PeyvandError):
    """A service of our own could not be prepared, started or stopped; the message says which."""

    code = "service_failed"


class ServiceMissingError(ServiceError):
    """No wheel with the service's programs exists for this machine."""

    code = "service_missing"
