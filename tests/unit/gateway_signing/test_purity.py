"""The signing package stays installable without the server."""

import subprocess
import sys
from pathlib import Path

import merchant_gateway.signing

ROOT = Path(merchant_gateway.signing.__file__).parents[2]
LOADED = """
import sys
import merchant_gateway.signing
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_it_loads_the_standard_library_and_cryptography_alone() -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{LOADED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    allowed = sys.stdlib_module_names | {
        "__main__",
        "_cffi_backend",  # cryptography's bindings
        "_openssl",  # the same
        "cryptography",
        "merchant_gateway",
    }
    assert "cryptography" in run.stdout.split()
    assert sorted(set(run.stdout.split()) - allowed) == []
