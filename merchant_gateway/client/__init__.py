"""The merchant's client of the gateway: signs, retries, verifies, and raises typed errors.

    from merchant_gateway.client import GatewayClient, load_key

    client = GatewayClient(url="https://…", key_id="mk_live_…", key=load_key(path))
    earned = client.earn(member={"phone": "09121234567"}, merchant_ref="R-1", amount=250_000)
    print(earned.data["points"])

Needs requests and cryptography; nothing of the network.
"""

from merchant_gateway.client.client import GatewayClient
from merchant_gateway.client.errors import (
    ArgumentError,
    AuthenticationError,
    CallError,
    ConflictError,
    ForbiddenError,
    GatewayError,
    InvalidRequestError,
    JournalError,
    KeyFileError,
    NotAGatewayError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    ServerError,
    UnreachableError,
    UntrustedAnswerError,
)
from merchant_gateway.client.journal import Journal, read_journal
from merchant_gateway.client.keys import load_key
from merchant_gateway.client.messages import Answer, Request
from merchant_gateway.client.replay import Finding, Replay

__all__ = [
    "Answer",
    "ArgumentError",
    "AuthenticationError",
    "CallError",
    "ConflictError",
    "Finding",
    "ForbiddenError",
    "GatewayClient",
    "GatewayError",
    "InvalidRequestError",
    "Journal",
    "JournalError",
    "KeyFileError",
    "NotAGatewayError",
    "NotFoundError",
    "ProblemError",
    "RateLimitedError",
    "Replay",
    "Request",
    "ServerError",
    "UnreachableError",
    "UntrustedAnswerError",
    "load_key",
    "read_journal",
]
