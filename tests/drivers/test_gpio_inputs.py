"""The keys of cords and buttons on GPIO: what cannot be meant is refused by name, with a remedy."""

from typing import Any

import pytest

from drivers import load

CORD: dict[str, Any] = {"category": "quality", "pin": "GPIO17"}
BUTTON: dict[str, Any] = {"purpose": "ack", "pin": "GPIO22"}


CLOSED: dict[str, Any] = {"contact": "normally-closed"}


@pytest.mark.parametrize(
    ("kind", "keys", "key"),
    [
        ("gpio-cord", {"pin": "17"}, "pin"),
        ("gpio-cord", {"contact": "closed"}, "contact"),
        ("gpio-cord", {"contact": "pair"}, "pin_no"),
        ("gpio-cord", {"pin_no": "GPIO27"}, "pin_no"),
        ("gpio-cord", {"contact": "pair", "pin_no": "27"}, "pin_no"),
        ("gpio-cord", {"pull": "none"}, "pull"),
        ("gpio-cord", {"filter_ms": 5000}, "filter_ms"),
        ("gpio-cord", {"heal_s": -1.0}, "heal_s"),
        ("gpio-cord", {"actuator": "rope"}, "actuator"),
        ("gpio-button", {"purpose": "sing"}, "purpose"),
        ("gpio-button", {"purpose": "call"}, "category"),
        ("gpio-button", {"category": "quality"}, "category"),
        ("gpio-button", {"hold_s": 99.0}, "hold_s"),
        ("gpio-button", {"purpose": "start", "contact": "normally-closed"}, "contact"),
        ("gpio-button", {"purpose": "line-moving", "contact": "normally-closed"}, "contact"),
        ("gpio-button", {"purpose": "clear", "contact": "normally-closed"}, "contact"),
        ("gpio-button", {"purpose": "ack", "contact": "normally-closed"}, "contact"),
        ("gpio-button", {**CLOSED, "purpose": "reason", "reason": "FIT"}, "contact"),
        ("gpio-button", {**CLOSED, "purpose": "call", "category": "x", "hold_s": 2.0}, "contact"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused_by_name(
    kind: str, keys: dict[str, Any], key: str
) -> None:
    driver: Any = load(kind)
    given = (CORD if kind == "gpio-cord" else BUTTON) | keys
    with pytest.raises(ValueError, match=f"^{key}: .*;"):
        driver.Keys(**given)


def test_a_cord_calls_and_a_latching_one_is_never_stuck() -> None:
    driver: Any = load("gpio-cord")
    keys = driver.Keys(**CORD, actuator="latching")
    assert keys.purpose == "call"
