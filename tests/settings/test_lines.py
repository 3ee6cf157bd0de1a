"""GPIO lines: whatever a device calls them, each belongs to one key of one device."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import Configuration

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

REMEDY = "write a GPIO line that nothing else has, or remove one of the two"


@pytest.mark.parametrize("said", ["GPIO17", "gpio17", "BCM17", "17", "GPIO017"])
def test_two_devices_on_one_line_are_both_refused(refused: Refused, line: str, said: str) -> None:
    assert refused(line.replace('"GPIO22"', f'"{said}"')) == [
        (
            'c.toml:65:1: device.pin: the pin of device "start-a" is GPIO17 too, '
            f"at c.toml:77:1; {REMEDY}"
        ),
        (
            'c.toml:77:1: device.pin: the pin of device "cord-a2" is GPIO17 too, '
            f"at c.toml:65:1; {REMEDY}"
        ),
    ]


def test_every_key_that_names_a_line_counts(refused: Refused, line: str) -> None:
    text = line.replace('red = "GPIO5"', 'red = "GPIO5"\ngreen = "GPIO5"')
    text = text.replace('pin = "GPIO26"', 'pin = "GPIO26"\nspare = ["GPIO4", "GPIO27"]')
    assert [one.partition(";")[0] for one in refused(text)] == [
        'c.toml:71:1: device.pin: the spare of device "stop-a" is GPIO27 too, at c.toml:88:1',
        'c.toml:82:1: device.red: the green of device "tower-a2" is GPIO5 too, at c.toml:83:1',
        'c.toml:83:1: device.green: the red of device "tower-a2" is GPIO5 too, at c.toml:82:1',
        'c.toml:88:1: device.spare: the pin of device "pulse-a" is GPIO27 too, at c.toml:71:1',
    ]


def test_three_on_one_line_are_all_refused(refused: Refused, line: str) -> None:
    text = line.replace('"GPIO22"', '"GPIO17"').replace('"GPIO5"', '"GPIO17"')
    assert [one.partition(" too")[0] for one in refused(text)] == [
        'c.toml:65:1: device.pin: the pin of device "start-a" is GPIO17',
        'c.toml:77:1: device.pin: the pin of device "cord-a2" is GPIO17',
        'c.toml:82:1: device.red: the pin of device "cord-a2" is GPIO17',
    ]


def test_one_line_twice_in_one_list_is_refused(refused: Refused, line: str) -> None:
    text = line.replace('pin = "GPIO26"', 'pin = "GPIO26"\nspare = ["GPIO4", "GPIO4"]')
    said = 'the spare of device "stop-a"'
    assert refused(text) == [
        f"c.toml:87:1: device.spare: {said} is GPIO4 too, at c.toml:87:1; {REMEDY}"
    ]


def test_what_names_no_line_may_be_the_same(loaded: Loaded, line: str) -> None:
    assert loaded(line.replace('name = "L. Weber"', 'name = "GPIO17"'))
