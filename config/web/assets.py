"""Files of our own host under ``/assets/``, named by their content and kept for a year.

They are read, hashed and compressed once at the start. Inside a style sheet ``url("name")``
becomes the hashed name, so that a font is as cacheable as the sheet that asks for it.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

from flask import Flask, Response, abort, current_app, redirect, request

from config.web.access import public
from network.errors import ConfigurationError

SHARED = Path(__file__).parent / "assets"
SUFFIXES = {".css", ".js", ".svg", ".woff2", ".png", ".webmanifest"}
_TEXT_SUFFIXES = {".css", ".js", ".svg", ".webmanifest"}
_CSS_URL = re.compile(r'url\("([\w.-]+)"\)')
_YEAR_SECONDS = 31_536_000
_HASH_CHARACTERS = 12
_EXTENSION = "peyvand_assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is served."""

    name: str
    path: str
    body: bytes
    compressed: bytes | None
    mimetype: str


class Assets:
    """All files of one front: the shared ones, and those in the front's own ``assets`` folder."""

    def __init__(self, folders: list[Path]) -> None:
        files = {
            path.name: path
            for folder in folders
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if path.suffix in SUFFIXES
        }
        self._by_name: dict[str, Asset] = {}
        styles_last = sorted(files, key=lambda name: (_imports(files[name]), name))
        for name in styles_last:
            self._by_name[name] = _load(files[name], known=self._by_name)
        self._by_path = {asset.path: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """Return the address of a file by its plain name; raise ConfigurationError if unknown."""
        return f"/assets/{_known(self._by_name, name).path}"

    def serve(self, path: str) -> Response:
        """Return the file at its hashed ``path``, or 404."""
        asset = self._by_path.get(path)
        if asset is None:
            abort(404)
        packed = asset.compressed if request.accept_encodings.quality("gzip") else None
        response = Response(packed or asset.body, mimetype=asset.mimetype)
        if asset.compressed:
            response.vary.add("Accept-Encoding")
        if packed:
            response.content_encoding = "gzip"
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
        return response


def install(app: Flask) -> None:
    """Serve the assets of ``app`` and give its templates ``asset_url(name)``."""
    assets = Assets([SHARED, Path(app.root_path) / "assets"])
    app.add_url_rule("/assets/<path>", "assets", assets.serve)
    app.add_url_rule("/favicon.ico", "favicon", public(lambda: redirect(assets.url("mark.svg"))))
    app.jinja_env.globals["asset_url"] = assets.url
    app.extensions[_EXTENSION] = assets


def asset_url(name: str) -> str:
    """Return the address of a file of the app that serves this request, as its templates do."""
    return cast("Assets", current_app.extensions[_EXTENSION]).url(name)


def _imports(path: Path) -> int:
    """Return how late a file must be loaded: a sheet comes after every file that it names."""
    if path.suffix != ".css":
        return 0
    return 2 if "@import" in path.read_text(encoding="utf-8") else 1


def _load(path: Path, *, known: Mapping[str, Asset]) -> Asset:
    body = path.read_bytes()
    if path.suffix == ".css":
        text = body.decode("utf-8")
        body = _CSS_URL.sub(lambda match: f'url("{_known(known, match[1]).path}")', text).encode()
    digest = sha256(body).hexdigest()[:_HASH_CHARACTERS]
    mimetype = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(
        name=path.name,
        path=f"{path.stem}.{digest}{path.suffix}",
        body=body,
        compressed=gzip.compress(body, mtime=0) if path.suffix in _TEXT_SUFFIXES else None,
        mimetype="font/woff2" if path.suffix == ".woff2" else mimetype,
    )


def _known(assets: Mapping[str, Asset], name: str) -> Asset:
    try:
        return assets[name]
    except KeyError as error:
        raise ConfigurationError(f"there is no asset named {name}") from error
