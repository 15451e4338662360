"""The guide for merchants' engineers: its values, its tables, and that it renders safely."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from merchant_gateway import catalogue, catalogue_fields, catalogue_wire
from merchant_gateway.client import transport
from merchant_gateway.documents import pages
from merchant_gateway.documents.advice import AGAIN, CASHIER, MEANINGS, PROGRAM, READ, turn_of
from merchant_gateway.documents.client_page import client_page, persian
from merchant_gateway.documents.errors_page import errors_page
from merchant_gateway.signing import (
    AnswerMessage,
    Ed25519SigningKey,
    RequestBinding,
    RequestMessage,
    parse_answer_signature,
    parse_request_signature,
    sign_request,
    verify_answer,
    verify_request,
)
from network.language import LOCALES
from tests.fixtures.fences import Fence, fences, fences_of

SIGNED_AT = datetime.fromtimestamp(1711015200, UTC)
CLIENT, NETWORK = (Ed25519SigningKey.from_raw(bytes(range(first, first + 32))) for first in (0, 32))
DOCS = pages.FOLDER.parents[1] / "docs" / "merchants" / "README.md"


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    """Return the names that the blocks of the signing page leave behind, each output checked."""
    names: dict[str, Any] = {}
    for block, following in _pairs(fences("signing")):
        if block.words != ("python", "run"):
            continue
        said = io.StringIO()
        with redirect_stdout(said):
            exec(block.text, names)  # noqa: S102 - the page is ours, and running it is the test
        if said.getvalue():
            assert following is not None
            assert following.words[1:] == ("output",)
            assert said.getvalue() == following.text
    return names


def test_the_values_of_the_signing_page_are_those_of_its_own_code(ran: dict[str, Any]) -> None:
    assert ran["signature"]


def test_our_signing_comes_to_the_values_of_the_page(ran: dict[str, Any]) -> None:
    first, headers = _message(_block("signing", "http", "output"))
    method, path, _ = first.split()
    request = RequestMessage(
        method=method,
        authority=headers["Host"],
        path=path,
        content_type=headers["Content-Type"],
        content_digest=headers["Content-Digest"],
        idempotency_key=headers["Idempotency-Key"],
        body=ran["body"],
    )
    signed = sign_request(
        request=request,
        key=CLIENT,
        key_id="mk_live_example",
        now=SIGNED_AT,
        nonce="AAECAwQFBgcICQoLDA0ODw",
    )
    assert signed.evidence.signature_base.decode() == ran["base"]
    assert signed.as_headers().items() <= headers.items()
    parsed = parse_request_signature(
        signature_input=headers["Signature-Input"], signature=headers["Signature"]
    )
    verify_request(request=request, parsed=parsed, key=CLIENT.verifying_key(), now=SIGNED_AT)


def test_the_answer_on_the_page_holds_for_us_and_for_its_own_check(ran: dict[str, Any]) -> None:
    head, _, content = _block("signing", "http", "answer").text.rstrip("\n").partition("\n\n")
    first, headers = _message(Fence(words=(), text=head, heading=""))
    status, body = int(first.split()[1]), content.encode()
    network_key = NETWORK.verifying_key()
    believed = ran["believed"]
    own = ran["signature"]
    assert believed(status, headers, body, own, network_key.to_raw())
    assert not believed(status, headers, body + b" ", own, network_key.to_raw())
    assert not believed(200, headers, body, own, network_key.to_raw())
    assert not believed(status, headers, body, "AAAA", network_key.to_raw())
    assert not believed(status, headers, body, own, CLIENT.verifying_key().to_raw())
    verify_answer(
        answer=AnswerMessage(status=status, content_digest=headers["Content-Digest"], body=body),
        parsed=parse_answer_signature(
            signature_input=headers["Signature-Input"], signature=headers["Signature"]
        ),
        request=RequestBinding(label="peyvand", signature=ran["b64decode"](own)),
        key=network_key,
        now=SIGNED_AT,
    )


def test_every_refusal_of_a_signature_has_its_usual_cause() -> None:
    text = (pages.FOLDER / "signing.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z_]+)` \|", text.split("## When it is")[1], re.MULTILINE))
    expected = {*catalogue_wire.SIGNATURE, *catalogue_wire.ACCESS, "sign_again"}
    assert explained == expected


def test_the_page_of_errors_is_that_of_the_catalogue() -> None:
    written = (pages.FOLDER / "errors.md").read_text(encoding="utf-8")
    assert written == errors_page(), "write it anew: python -m merchant_gateway.documents"
    for code in (*catalogue.KINDS, *catalogue_fields.FIELD_TEXTS):
        assert f"| `{code}` |" in written
    persian = (pages.FOLDER / "errors.fa.md").read_text(encoding="utf-8")
    assert persian == errors_page("fa"), "write it anew: python -m merchant_gateway.documents"


@pytest.mark.parametrize("name", pages.NAMES)
def test_every_page_has_its_persian_one_with_the_same_samples(name: str) -> None:
    english, persian = (
        (pages.FOLDER / f"{name}{suffix}.md").read_text(encoding="utf-8") for suffix in ("", ".fa")
    )
    ours, theirs = fences(name), fences(f"{name}.fa")
    assert [(each.words, each.text) for each in ours] == [
        (each.words, each.text) for each in theirs
    ]
    # Headings and tables stand in the same order, with the same codes and links in them.
    shape = re.compile(r"^(?:#+ |\| `[^`]+`)", re.MULTILINE)
    assert shape.findall(english) == shape.findall(persian)
    links = re.compile(r"\]\([^)]+\)")
    assert sorted(links.findall(english)) == sorted(links.findall(persian))
    prose = re.sub(r"^ *```.*?^ *```$|`[^`]*`", "", persian, flags=re.DOTALL | re.MULTILINE)
    for place in re.split(r"\n\n", prose):
        letters = re.sub(r"[^A-Za-z\u0600-\u06ff]", "", place)
        foreign = len(re.sub(r"[^A-Za-z]", "", letters))
        assert foreign <= max(40, len(letters) // 2), place


def test_the_page_of_the_client_is_that_of_its_code() -> None:
    written = (pages.FOLDER / "client.md").read_text(encoding="utf-8")
    assert written == client_page(), "write it anew: python -m merchant_gateway.documents"
    assert "`earn(*, member, merchant_ref, amount, lines=(), occurred_at=None," in written
    assert "| `peyvand-merchant sandbox clock` |" in written
    in_persian = (pages.FOLDER / "client.fa.md").read_text(encoding="utf-8")
    assert in_persian == client_page("fa"), "write it anew: python -m merchant_gateway.documents"
    # No sentence stands there whose English is said nowhere any more.
    sentences, _by_english = persian()
    assert len(set(sentences)) == len(sentences)
    assert [each for each in sentences if each not in written] == []


def test_the_client_is_a_wheel_of_its_own(tmp_path: Path) -> None:
    project = Path(transport.__file__).parent
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("peyvand_merchant-*.whl")
    # Nothing beside what it names as its needs: the rest of the project cannot be found.
    script = f"import sys; sys.path.insert(0, {str(wheel)!r})\nsys.modules['network'] = None\n"
    script += "from merchant_gateway.client.cli import main; main(['ping'], prog_name='peyvand')"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, "peyvand-merchant apply" in ran.stderr) == (2, True), ran.stderr
    with zipfile.ZipFile(wheel) as opened:
        parts = {"/".join(name.split("/")[:2]) for name in opened.namelist()}
    inside = {part for part in parts if part.startswith("merchant_gateway")}
    assert inside == {f"merchant_gateway/{each}" for each in ("__init__.py", "client", "signing")}


def test_the_advice_goes_by_the_code() -> None:
    turns = {code: turn_of(code) for code in catalogue.KINDS}
    assert set(turns.values()) == set(MEANINGS)
    again = {code for code, turn in turns.items() if turn == AGAIN}
    assert {code for code, kind in catalogue.KINDS.items() if kind.retry_after} < again
    assert {"grant_lapsed", "internal_error", "request_in_progress"} < again
    assert turns["invalid_request"] == turns["idempotency_conflict"] == PROGRAM
    assert turns["duplicate_reference"] == READ
    assert turns["insufficient_points"] == CASHIER


def test_the_pages_render_without_html_of_their_own() -> None:
    rendered = pages.load_pages("fa")
    assert tuple(rendered) == pages.NAMES
    found = {path.name.partition(".")[0] for path in pages.FOLDER.glob("*.md")}
    assert found == set(pages.NAMES)
    assert {page.locale for page in rendered.values()} == {"fa"}
    for page in rendered.values():
        assert page.title
        assert "<script" not in page.html
        assert ".md" not in page.html
    assert "&lt;b&gt;" in MarkdownIt("commonmark", {"html": False}).render("<b>")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_link_leads_somewhere(locale: str) -> None:
    rendered = pages.load_pages(locale)
    for page in rendered.values():
        for target in re.findall(r'href="([^"]+)"', page.html):
            path, _, anchor = target.partition("#")
            if path == "/apply":  # the gateway's own page, in the reader's language
                continue
            name = path.removeprefix("/docs/guide/").partition("?")[0]
            where = rendered[name] if path else page
            assert path in {"", f"/docs/guide/{where.name}?lang={locale}"}, target
            assert not anchor or f'id="{anchor}"' in where.html, target
    index = DOCS.read_text(encoding="utf-8")
    found = re.findall(r"\]\(([^)]+)\)", index)
    assert found
    for target in found:
        assert (DOCS.parent / target).exists(), target
    for name in pages.NAMES:
        assert f"documents/{name}.md" in index
    assert fences_of(DOCS) == []


def _pairs(found: list[Fence]) -> list[tuple[Fence, Fence | None]]:
    return list(zip(found, [*found[1:], None], strict=True))


def _block(name: str, *words: str) -> Fence:
    return next(block for block in fences(name) if block.words == words)


def _message(block: Fence) -> tuple[str, dict[str, str]]:
    """Return the first line and the headers of an HTTP message."""
    first, *rest = block.text.strip().splitlines()
    return first, dict(line.split(": ", 1) for line in rest)
