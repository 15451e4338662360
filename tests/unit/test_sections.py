"""A page lights the section that leads to it; no page is forgotten."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, render_template_string

from config.web import sections


def app_of(*names: str) -> Flask:
    app = Flask(__name__)
    for name in names:
        blueprint = Blueprint(name, name, url_prefix=f"/{name}")

        @blueprint.get("/")
        def page() -> str:
            return render_template_string("{{ in_section('home') }}|{{ in_section('list') }}")

        app.register_blueprint(blueprint)
    return app


def test_the_section_itself_what_lies_under_it_and_what_lies_nowhere() -> None:
    app = app_of("home", "list", "claims", "sign_in")
    sections.install(app, {"home": (), "list": ("claims",)}, outside=("sign_in",))
    client = app.test_client()
    assert client.get("/home/").text == ' aria-current="page"|'
    assert client.get("/list/").text == '| aria-current="page"'
    assert client.get("/claims/").text == '| aria-current="true"'
    assert client.get("/sign_in/").text == "|"


@pytest.mark.parametrize(
    ("places", "outside", "wrong"),
    [
        ({"home": ()}, (), "claims"),
        ({"home": ("claims",)}, ("claims",), "claims"),
        ({"home": ("claims", "gone")}, (), "gone"),
    ],
)
def test_a_blueprint_without_one_place_stops_the_app(
    places: dict[str, tuple[str, ...]], outside: tuple[str, ...], wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        sections.install(app_of("home", "claims"), places, outside=outside)
