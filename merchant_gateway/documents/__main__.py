"""Writes the page of error codes anew: ``python -m merchant_gateway.documents``."""

from __future__ import annotations

from merchant_gateway.documents.errors_page import errors_page
from merchant_gateway.documents.pages import FOLDER

(FOLDER / "errors.md").write_text(errors_page(), encoding="utf-8")
