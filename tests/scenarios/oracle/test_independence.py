"""The oracle shares no line with what it checks."""

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_oracle_imports_only_itself_and_the_standard_library() -> None:
    modules = [path for path in HERE.glob("*.py") if not path.name.startswith("test_")]
    assert len(modules) > 3
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            for name in names:
                own = name.startswith("tests.scenarios.oracle.")
                assert own or name.split(".")[0] in sys.stdlib_module_names, (path.name, name)
