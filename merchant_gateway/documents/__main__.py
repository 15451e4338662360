"""Writes the pages that come from the code anew: ``python -m merchant_gateway.documents``."""

from __future__ import annotations

from merchant_gateway.documents.client_page import client_page
from merchant_gateway.documents.errors_page import errors_page
from merchant_gateway.documents.pages import FOLDER

(FOLDER / "client.md").write_text(client_page(), encoding="utf-8")
(FOLDER / "client.fa.md").write_text(client_page("fa"), encoding="utf-8")
(FOLDER / "errors.md").write_text(errors_page(), encoding="utf-8")
(FOLDER / "errors.fa.md").write_text(errors_page("fa"), encoding="utf-8")
