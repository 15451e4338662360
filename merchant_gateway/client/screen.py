"""How a run of the command prints answers, and what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from merchant_gateway.client import show
from merchant_gateway.client.cli_again import keep
from merchant_gateway.client.client import GatewayClient
from merchant_gateway.client.errors import (
    JournalError,
    ProblemError,
    UnreachableError,
    UntrustedAnswerError,
)
from merchant_gateway.client.messages import Answer

REFUSED, NO_ANSWER = 1, 3


@dataclass(slots=True)
class Screen:
    """The client of this run and how it prints."""

    client: GatewayClient
    json: bool
    language: str
    journal: Path | None = None

    def answer(self, answer: Answer) -> None:
        """Print an answer."""
        if self.json:
            show.as_json(answer.data)
            return
        show.facts(answer.data, language=self.language)
        if answer.replayed:
            click.echo("(the stored answer of an earlier call with this key)")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Print what goes wrong inside the block and exit with its code."""
        try:
            yield
        except ProblemError as error:
            if self.json:
                show.as_json(error.problem)
            else:
                show.problem(error)
            sys.exit(REFUSED)
        except JournalError as error:
            click.echo(str(error), err=True)
            sys.exit(REFUSED)
        except (UnreachableError, UntrustedAnswerError) as error:
            show.lost(error, kept=keep(error))
            sys.exit(NO_ANSWER)
