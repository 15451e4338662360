"""What templates say to the reader of the moment, and where it can be read in another language."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string
from werkzeug.routing import Map, Rule

from config.web.reader import readable
from config.web.rendering import for_reader, percent
from network.language import format_number, use_locale


def test_a_constant_is_not_worked_out_for_the_first_reader() -> None:
    app = Flask("probe")
    app.jinja_env.filters["number"] = for_reader(format_number)
    with app.app_context():
        with use_locale("en"):
            assert render_template_string("{{ 1234|number }}") == "1,234"
        with use_locale("fa"):
            assert render_template_string("{{ 1234|number }}") == "۱٬۲۳۴"


def test_the_sign_of_a_percentage_stands_on_one_side() -> None:
    app = Flask("probe")
    app.jinja_env.filters["percent"] = for_reader(percent)
    with app.app_context():
        with use_locale("en"):
            assert render_template_string("{{ 0.02|percent }}") == "2%"
        with use_locale("fa"):
            # The mark has it stand to the left behind a word and at the beginning of a line alike.
            assert render_template_string("{{ 0.02|percent }}") == "\u061c۲٪"


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/pool", "/pool"),
        ("/pool/invitations", "/pool"),
        ("/pool/people/7/limit", "/pool/people/7"),
        ("/sign-out", "/"),
    ],
)
def test_what_was_only_sent_is_read_in_another_language_at_the_page_above_it(
    path: str, read: str
) -> None:
    routes = Map(
        [
            Rule("/", endpoint="home", methods=["GET"]),
            Rule("/pool", endpoint="pool", methods=["GET", "POST"]),
            Rule("/pool/invitations", endpoint="invite", methods=["POST"]),
            Rule("/pool/people/<int:person>", endpoint="person", methods=["GET"]),
            Rule("/pool/people/<int:person>/limit", endpoint="limit", methods=["POST"]),
            Rule("/sign-out", endpoint="out", methods=["POST"]),
        ]
    )
    assert readable(routes.bind("localhost"), path) == read
