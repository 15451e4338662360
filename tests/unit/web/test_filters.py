"""Filters answer the reader of the moment, also for figures written in the template."""

from __future__ import annotations

from flask import Flask, render_template_string

from config.web.rendering import for_reader
from network.language import format_number, use_locale


def test_a_constant_is_not_worked_out_for_the_first_reader() -> None:
    app = Flask("probe")
    app.jinja_env.filters["number"] = for_reader(format_number)
    with app.app_context():
        with use_locale("en"):
            assert render_template_string("{{ 1234|number }}") == "1,234"
        with use_locale("fa"):
            assert render_template_string("{{ 1234|number }}") == "۱٬۲۳۴"
