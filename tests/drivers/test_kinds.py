"""The table of kinds and the folder agree, and a package may add kinds of its own."""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import drivers

FOLDER = Path(drivers.__file__).parent


def classes_with_keys(module: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(module.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, ast.ClassDef) and part.name == "Keys" for part in node.body)
    }


def test_every_driver_of_the_folder_has_a_row_and_every_row_a_driver() -> None:
    made = {
        (f"drivers.{module.stem}", name)
        for module in FOLDER.glob("*.py")
        for name in classes_with_keys(module)
    }
    assert made == set(drivers.KINDS.values()), "add the row to drivers.KINDS, or the driver"


@pytest.mark.parametrize("kind", drivers.KINDS)
def test_a_kind_has_a_test_and_keys_that_cannot_be_changed(kind: str) -> None:
    module, name = drivers.KINDS[kind]
    driver = drivers.load(kind)
    assert driver.__name__ == name
    assert driver.Keys.__dataclass_params__.frozen
    assert all(field.type is not None for field in dataclasses.fields(driver.Keys))
    assert (Path(__file__).parent / f"test_{module.rpartition('.')[2]}.py").exists()


def imported_by(program: str) -> set[str]:
    seen = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
        cwd=FOLDER.parent,
    ).stdout
    return set(seen.split())


def test_a_driver_is_imported_only_when_it_is_asked_for() -> None:
    seen = imported_by("import drivers")
    assert "drivers" in seen
    assert not seen & {module for module, _ in drivers.KINDS.values()}
    assert not seen & {"serial", "importlib.metadata"}


def test_a_twin_needs_nothing_of_the_real_one() -> None:
    seen = imported_by("import drivers; drivers.load('simulated-scanner')")
    assert "drivers.simulated" in seen
    assert not seen & {"serial", "drivers.serial_scanner", "importlib.metadata"}


def test_an_installed_package_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plant_kiosk.py").write_text("class Kiosk:\n    Keys = dict\n")
    told = tmp_path / "plant_kiosk-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: plant-kiosk\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[edge_agent.drivers]\nkiosk = plant_kiosk:Kiosk\nserial-scanner = plant_kiosk:Kiosk\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert drivers.load("kiosk").Keys is dict
    assert "kiosk" in drivers.kinds()
    assert set(drivers.KINDS) < set(drivers.kinds())
    assert drivers.load("serial-scanner").__module__ == "drivers.serial_scanner", "ours win"


def test_a_kind_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="gpio-hooter"):
        drivers.load("gpio-hooter")
