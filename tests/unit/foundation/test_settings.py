"""Settings name what is missing and never show a secret."""

from __future__ import annotations

import base64

import pytest

from network.errors import ConfigurationError
from network.settings import Settings

ENVIRONMENT = {
    "DATABASE_URL": "postgres://peyvand:s3cret-database@db/peyvand",
    "REDIS_URL": "redis://:s3cret-queue@queue/0",
    "PEYVAND_MASTER_KEY": base64.b64encode(b"s3cret-master-key-of-32-bytes!!!").decode(),
}


def test_a_complete_environment_is_read() -> None:
    settings = Settings.from_environment(ENVIRONMENT | {"PEYVAND_WALLET_URL": "https://w.example/"})
    assert settings.database_url == "postgresql+psycopg://peyvand:s3cret-database@db/peyvand"
    assert settings.wallet_url == "https://w.example"
    assert (settings.step_up_points, settings.step_up_rials) == (5_000, None)
    asked = {"PEYVAND_STEP_UP_POINTS": "300", "PEYVAND_STEP_UP_RIALS": "0"}
    changed = Settings.from_environment(ENVIRONMENT | asked)
    assert (changed.step_up_points, changed.step_up_rials) == (300, 0)


def test_settings_show_no_secret() -> None:
    shown = repr(Settings.from_environment(ENVIRONMENT | {"PEYVAND_SMS_TOKEN": "s3cret-sms"}))
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://db/peyvand"),
        ("REDIS_URL", " "),
        ("PEYVAND_MASTER_KEY", ""),
        ("PEYVAND_MASTER_KEY", "not base64 ✗"),
        ("PEYVAND_MASTER_KEY", "c2hvcnQ="),
        ("PEYVAND_TRUSTED_PROXIES", "-1"),
        ("PEYVAND_REFUND_DAYS", "59"),
        ("PEYVAND_REFUND_DAYS", "long"),
        ("PEYVAND_STEP_UP_POINTS", "many"),
        ("PEYVAND_STEP_UP_RIALS", "-5"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(ENVIRONMENT | {name: value})
    assert caught.value.field == name
    assert name in str(caught.value)
