"""Plays the calls that a page of the guide shows, and holds its answers against the real ones.

What cannot be the same twice is compared by its form: days and times by what they look like, ids,
tokens and digests by their prefix, and each of those stands for the same real value wherever the
page shows it. Everything else, figures above all, has to be equal.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from tests.fixtures.fences import Fence
from tests.integration.gateway.house import House, Person, Shop, utc_now
from tests.integration.gateway.till import ask, believe, headers_of, send

DOCUMENTED_URL = "http://127.0.0.1:8800"
ELIDED = ["…"]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_OPAQUE = re.compile(r'"?(?:([a-z]{2,3})_|sha-256:)?[A-Za-z0-9_.=+/-]{16,}"?')
_WRITTEN_DAY = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}|[۰-۹]{4}/[۰-۹]{2}/[۰-۹]{2}")
_IN_PATH = re.compile(r"[A-Za-z0-9_-]{16,}")


@dataclass(kw_only=True)
class Player:
    """Calls as a page writes them; ``bound`` has the real value of each that the page shows."""

    house: House
    bound: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    shown_last: str = ""

    def send(self, call: Fence) -> requests.Response:
        """Sign and send a call; its last word says who sends it."""
        shop = {"grocer": self.house.green, "cafe": self.house.blue}[call.words[-1]]
        head, _, body = call.text.strip().partition("\n\n")
        first, *named = head.splitlines()
        method, target = first.split()
        target = _IN_PATH.sub(lambda found: self.bound.get(found[0], found[0]), target)
        headers = dict(line.split(": ", 1) for line in named)
        if method == "GET":
            return self._get(shop, target, headers)
        key = headers.pop("Idempotency-Key", None)
        value = self.real(json.loads(body)) if body else None
        return ask(self.house, shop, target=target, body=value, idempotency_key=key)

    def _get(self, shop: Shop, target: str, headers: dict[str, str]) -> requests.Response:
        signature, signed = headers_of(self.house, shop, method="GET", target=target)
        response = send(self.house, method="GET", target=target, headers={**signature, **headers})
        believe(self.house, response, signed.binding)
        return response

    def real(self, value: Any, name: str = "") -> Any:
        """Return a documented body with the real values in it."""
        if isinstance(value, dict):
            return {each: self.real(part, each) for each, part in value.items()}
        if isinstance(value, list):
            return [self.real(part) for part in value]
        if name == "phone":
            self.shown_last = value
            return self._person(value).phone
        if name in {"code", "occurred_at"} and value not in self.bound:
            code = self._person(self.shown_last).code()["code"] if name == "code" else ""
            self.bound[value] = code or utc_now().isoformat()
        return self.bound.get(value, value) if isinstance(value, str) else value

    def _person(self, phone: str) -> Person:
        """Return the member behind a documented phone; a code is that of the last one named."""
        if phone not in self.people:
            self.people[phone] = self.house.member()
        return self.people[phone]

    def agree(self, answer: Fence, real: requests.Response) -> None:
        """Fail unless the documented answer is what came."""
        head, _, body = answer.text.rstrip("\n").partition("\n\n")
        first, *named = head.splitlines()
        status = HTTPStatus(real.status_code)
        assert first == f"{status.value} {status.phrase}", real.text
        headers = dict(line.split(": ", 1) for line in named)
        for name, value in headers.items():
            self._agree_text(value, real.headers[name], name)
        assert ("Idempotent-Replayed" in headers) == ("Idempotent-Replayed" in real.headers)
        if "json" in real.headers["Content-Type"]:
            self._agree(json.loads(body), real.json(), answer.heading)
        else:
            rows, came = (list(csv.reader(text.splitlines())) for text in (body, real.text))
            self._agree(rows, came, answer.heading)

    def agree_in_words(self, documented: str, came: str) -> None:
        """Fail unless what a program printed is what the page shows, word by word."""
        shown, printed = (_WRITTEN_DAY.sub("day", text).split() for text in (documented, came))
        self._agree(shown, printed, "output")

    def _agree(self, documented: Any, real: Any, where: str) -> None:
        if isinstance(documented, dict) and isinstance(real, dict):
            assert documented.keys() == real.keys(), where
            for name, value in documented.items():
                self._agree(value, real[name], f"{where}/{name}")
        elif isinstance(documented, list) and isinstance(real, list):
            if documented == ELIDED:
                assert real, where
                return
            assert len(documented) == len(real), where
            for number, (value, came) in enumerate(zip(documented, real, strict=True)):
                self._agree(value, came, f"{where}/{number}")
        elif isinstance(documented, str) and isinstance(real, str):
            self._agree_text(documented, real, where)
        else:
            assert documented == real, where

    def _agree_text(self, documented: str, real: str, where: str) -> None:
        if documented == real:
            return
        if form := next((form for form in (_DAY, _TIME) if form.fullmatch(documented)), None):
            assert form.fullmatch(real), where
            return
        shown, came = _OPAQUE.fullmatch(documented), _OPAQUE.fullmatch(real)
        if shown and came:
            assert shown[1] == came[1], where
            assert self.bound.setdefault(documented, real) == real, where
            return
        words = documented.replace(DOCUMENTED_URL, self.house.url)
        assert _WRITTEN_DAY.sub("day", words) == _WRITTEN_DAY.sub("day", real), where
