"""Jobs that failed and messages that did not leave: what, since when, and another try."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from config.web import listing
from network import ids
from network.language import gettext as _
from network.messaging import queries as messages
from network.messaging import service as sending
from network.messaging.queries import Unsent
from network.operators.roles import OPERATOR, VIEWER
from settlement.console import access, queues
from settlement.console.queues import FailedJob, QueuesUnreachableError
from settlement.console.words import said

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")
_COLUMNS = ("job", "queue", "topic", "about", "queued_at", "failed_at", "reason")
_NEVER = datetime.min.replace(tzinfo=UTC)


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | Response:
    """Show the jobs that failed after their last attempt, the latest first."""
    found = queues.failed()
    page = listing.arrange(
        found or [],
        sort="-failed",
        keys={
            "failed": lambda row: row.failed_at or _NEVER,
            "queued": lambda row: row.queued_at or _NEVER,
            "topic": lambda row: said(row.topic, "job"),
            "queue": lambda row: row.queue,
        },
        words=lambda row: (
            f"{row.topic} {said(row.topic, 'job')} {_about(row)} {row.queue} {row.reason}"
        ),
    )
    if listing.wants_csv():
        return listing.csv_response("failed-jobs", _COLUMNS, [_cells(each) for each in page.rows])
    return render_template(
        "jobs.html",
        page=page,
        reachable=found is not None,
        lengths=queues.lengths(),
        about=_about,
        subject=_subject,
        unsent=_unsent(),
    )


def _unsent() -> list[Unsent]:
    with access.reading() as session:
        return messages.unsent(session, wall=access.wall())


@blueprint.post("/messages")
@access.access(OPERATOR)
def send_again() -> BaseResponse:
    """Have the messages that were chosen sent again."""
    chosen = request.form.getlist("message")
    done = 0
    with access.unit_of_work() as session:
        for each in chosen:
            try:
                message_id = UUID(each)
            except ValueError:
                continue
            if sending.send_again(session, message_id=message_id, wall=access.wall()):
                done += 1
                access.record(
                    session, "message.sent_again", subject=f"message:{message_id}", facts={}
                )
    if done:
        flash(_("They leave now; what does not stands here again in a day."), "good")
    elif chosen:
        flash(_("None of these messages waits to be sent again."), "info")
    else:
        flash(_("Choose some messages first."), "bad")
    return redirect(url_for("jobs.index"))


@blueprint.post("/retry")
@access.access(OPERATOR)
def retry() -> BaseResponse:
    """Put the jobs that were chosen back on their queues, each by itself."""
    chosen = request.form.getlist("job")
    done = 0
    try:
        for job_id in chosen:
            job = queues.retry(job_id=job_id)
            if job is None:
                continue
            done += 1
            with access.unit_of_work() as session:
                access.record(
                    session,
                    "job.retried",
                    subject=f"job:{job.topic}",
                    facts={"job": job.job_id, "queue": job.queue, **job.payload},
                )
    except QueuesUnreachableError:
        flash(_("The queues can't be asked right now."), "bad")
    if done:
        flash(_("Queued again; what comes of it stands here if it fails once more."), "good")
    elif chosen:
        flash(_("This job no longer stands among those that failed."), "info")
    else:
        flash(_("Choose some jobs first."), "bad")
    return redirect(url_for("jobs.index"))


def _about(job: FailedJob) -> str:
    """Return what a job is about, as it was called: ids and days."""
    return ", ".join(f"{name} {value}" for name, value in sorted(job.payload.items()))


def _subject(job: FailedJob) -> str | None:
    """Return the page of what a job is about, where there is one."""
    if day := job.payload.get("business_date"):
        try:
            return url_for("windows.night", day=date.fromisoformat(day).isoformat())
        except ValueError:
            return None
    if record := job.payload.get("reconciliation_id"):
        return url_for("reconciliation.record", public_id=ids.encode("rcn", UUID(record)))
    return None


def _cells(job: FailedJob) -> tuple[object, ...]:
    return (
        job.job_id,
        job.queue,
        job.topic,
        _about(job),
        None if job.queued_at is None else job.queued_at.isoformat(),
        None if job.failed_at is None else job.failed_at.isoformat(),
        job.reason,
    )
