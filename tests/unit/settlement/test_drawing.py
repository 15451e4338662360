"""Papers drawn by several processes: whole or not there, whenever the one that asked is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from settlement.drawing import clear_parts, part_of, write_whole

PATIENCE_SECONDS = 60.0
PLAY = (sys.executable, "-m", "tests.unit.settlement.drawing_play")


def whole(directory: Path) -> list[Path]:
    found = sorted(directory.glob("*.pdf"))
    for each in found:
        content = each.read_bytes()
        assert content.startswith(b"%PDF-"), each
        assert content.rstrip().endswith(b"%%EOF"), each
    return found


def test_a_file_has_its_name_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pdf"
    write_whole(path, b"first")

    def full(_self: Path, _content: bytes) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"


def test_killed_halfway_it_leaves_whole_papers_and_no_process(tmp_path: Path) -> None:
    process = subprocess.Popen([*PLAY, str(tmp_path), "5000"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(list(tmp_path.glob("*.pdf"))) < 3:
        assert time.monotonic() < deadline, "nothing was drawn"
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    # Whoever drew for it has the other end too: this ends when all of them have.
    assert process.stdout.read() == b""
    process.stdout.close()
    process.wait(PATIENCE_SECONDS)
    found = whole(tmp_path)
    assert 3 <= len(found) < 5000

    part_of(tmp_path / "9.fa.pdf").write_bytes(b"%PDF-half")
    clear_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == found
