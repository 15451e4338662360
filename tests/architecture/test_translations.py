"""Every string that a person reads has its Persian."""

from __future__ import annotations

from config.translations import extracted, faults


def test_every_message_is_translated() -> None:
    found = faults()
    assert found == [], "\n".join(str(fault) for fault in found)


def test_messages_are_found_in_python_and_in_templates() -> None:
    places = {
        file.rsplit(".", 1)[1]
        for package in ("network", "config")
        for message in extracted(package)
        for file, _ in message.locations
    }
    assert places >= {"py", "html"}
