"""``peyvand-merchant resend``: a call whose answer never came, kept in a file and sent again."""

from __future__ import annotations

import os
from pathlib import Path

import click

from merchant_gateway.client.errors import CallError, ProblemError
from merchant_gateway.client.messages import Request
from merchant_gateway.client.profile import default_file

_OWNER_ONLY = 0o600
_LOOKED_UP = frozenset({404, 409, 422})
_UNKNOWN = frozenset({"not_found", "request_in_progress", "idempotency_conflict"})
_ENDING = ".json"


def keep(error: CallError) -> Path | None:
    """Keep a request that may have been done, readable for its owner alone; return the file.

    ``None`` for a request that changes nothing, and where nothing can be written.
    """
    request, key = error.request, error.idempotency_key
    if request is None or key is None:
        return None
    folder = default_file(os.environ).parent / "unanswered"
    file = folder / f"{key}{_ENDING}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=_OWNER_ONLY)
        file.write_text(request.to_json() + "\n", encoding="utf-8")
    except OSError:
        return None
    return file


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def resend(context: click.Context, *, file: Path) -> None:
    """Send the request in FILE again, to the byte: what was done is answered, and not done twice.

    FILE is what a command named when no answer came. It is removed once it is known what became of
    the request, and kept where a refusal doesn't say that: use another key, or try later.
    """
    try:
        request = Request.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file} holds no request that was kept.") from error
    screen = context.obj()
    with screen.errors():
        try:
            answer = screen.client.resend(request)
        except ProblemError as error:
            if _is_settled(error):
                file.unlink()
            else:
                click.echo(
                    f"What became of the request is not known; it stays in {file}.", err=True
                )
            raise
        file.unlink()
        screen.answer(answer)


def _is_settled(error: ProblemError) -> bool:
    """Return whether a refusal says that nothing was done under the key, now or before.

    The gateway refuses with these statuses once it has looked for the key. Others come before: the
    request was not believed, its key does not open it, or there is no answer yet; and nobody looks
    where there is no such path. A key that stands
    for another request may stand for what this one was before somebody changed the file.
    """
    return error.status in _LOOKED_UP and error.code not in _UNKNOWN
