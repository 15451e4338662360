"""How long files, functions and views may be: what does not fit on a page is two things."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("network", "merchant_gateway", "wallet", "settlement", "config")
LINES_OF_A_FILE = 400
LINES_OF_A_TEST_FILE = 450
LINES_OF_A_FUNCTION = 60
LINES_OF_A_VIEW = 40


def _files() -> list[Path]:
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(found) > len(PACKAGES)
    return found


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_file_is_short() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in _files()}
    assert [path for path, length in lengths.items() if length > LINES_OF_A_FILE] == []


def test_a_file_of_tests_is_hardly_longer() -> None:
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.stat().st_size]
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    assert [path for path, length in lengths.items() if length > LINES_OF_A_TEST_FILE] == []


def test_a_function_is_short_and_a_view_shorter() -> None:
    assert [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in _files()
        for name, lines in _functions(path)
        if lines > (LINES_OF_A_VIEW if path.parent.name == "views" else LINES_OF_A_FUNCTION)
    ] == []
