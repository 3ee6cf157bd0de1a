"""The real agent under its real unit on a real kernel: sandbox, watchdog, plug, power.

Not part of the test command: `make vmlab` (about twenty minutes, VMLAB says where the lab is).
VMLAB_CUTS says how many power cuts, VMLAB_SEED when.
"""

import os
import random
import zipfile
from pathlib import Path

import pytest

from tests.vmlab.lab import CONFIGURATION, Stand

CUTS = int(os.environ.get("VMLAB_CUTS", "4"))
SEED = int(os.environ.get("VMLAB_SEED", random.randrange(1 << 32)))
SCANS_MAX = 40
"""Scans before a power cut; emulation takes some ten a second."""

if "VMLAB" not in os.environ:
    pytest.skip("VMLAB does not say where the lab is", allow_module_level=True)


@pytest.fixture
def stand(made: Stand) -> Stand:
    """Give the device as every test finds it: good configuration, scanner plugged, agent ready."""
    made.ready()
    return made


def restarts(stand: Stand) -> int:
    return int(stand.show("NRestarts"))


def test_the_sandbox_is_tight_and_hides_nothing_needed(stand: Stand) -> None:
    exposure = stand.sh("systemd-analyze security --no-pager edge-agent | tail -1")
    print(exposure)
    assert float(exposure.split(":")[1].split()[0]) <= 2.0
    pid = stand.show("MainPID")
    status = dict(line.split(":\t", 1) for line in stand.sh(f"cat /proc/{pid}/status").splitlines())
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapBnd"], 16) == 0
    assert status["Seccomp"] == "2"
    user, uid = stand.sh("id -u edge-agent"), status["Uid"].split()
    assert set(uid) == {user}
    groups = stand.sh("getent group dialout gpio | cut -d: -f3").split()
    assert set(groups) <= set(status["Groups"].split())
    assert stand.sh(f"readlink /proc/{pid}/cwd") == "/run/edge-agent"
    assert stand.sh("stat -c '%U %a' /var/lib/edge-agent") == "edge-agent 750"


def test_a_port_has_its_names_its_group_and_no_modem_manager(stand: Stand) -> None:
    properties = stand.sh("udevadm info --query=property /dev/ttyUSB0").splitlines()
    assert "ID_MM_DEVICE_IGNORE=1" in properties
    assert "ID_MM_PORT_IGNORE=1" in properties
    assert stand.sh("stat -c '%G %a' /dev/ttyUSB0") == "dialout 660"
    assert stand.sh("readlink -f /dev/edge/usb-1-1-if00") == "/dev/ttyUSB0"


def test_secrets_are_handed_over_and_stay_out_of_reach(stand: Stand) -> None:
    assert stand.sh("stat -c '%U %a' /etc/edge-agent/secrets") == "root 700"
    code, _ = stand.vm.sh("su -s /bin/sh edge-agent -c 'cat /etc/edge-agent/secrets/*'")
    assert code != 0
    stand.gun.scan()
    stand.arrivals.wait_for(set(stand.gun.accepted))  # the broker takes nobody without a password


def test_scans_arrive(stand: Stand) -> None:
    for _ in range(5):
        stand.gun.scan()
    stand.arrivals.wait_for(set(stand.gun.accepted))


def test_a_scanner_comes_and_goes(stand: Stand) -> None:
    before = restarts(stand)
    for _ in range(3):
        stand.gun.scan()
        stand.gun.unplug(stand.vm)
        stand.until("! test -e /dev/ttyUSB0")
        assert stand.sh("systemctl is-active edge-agent") == "active"
        stand.gun.plug(stand.vm)
        stand.await_scanner()
    stand.gun.scan()
    stand.arrivals.wait_for(set(stand.gun.accepted))
    assert restarts(stand) == before


def test_an_agent_that_hangs_is_ended_and_starts_again(stand: Stand) -> None:
    stand.gun.scan()
    before = restarts(stand)
    stand.sh("kill -STOP $(systemctl show -P MainPID edge-agent)")
    stand.until(f"test $(systemctl show -P NRestarts edge-agent) = {before + 1}")
    stand.ready()
    assert "Watchdog timeout" in stand.sh("journalctl -b -u edge-agent -o cat --no-pager")
    stand.gun.scan()
    stand.arrivals.wait_for(set(stand.gun.accepted))


def test_an_agent_that_is_killed_starts_again(stand: Stand) -> None:
    before = restarts(stand)
    stand.sh("systemctl kill --signal=SIGKILL --kill-whom=main edge-agent")
    stand.until(f"test $(systemctl show -P NRestarts edge-agent) = {before + 1}")
    stand.ready()
    stand.gun.scan()
    stand.arrivals.wait_for(set(stand.gun.accepted))


def test_a_reload_with_a_bad_file_is_refused_and_harms_nobody(stand: Stand) -> None:
    pid = stand.show("MainPID")
    stand.configure(CONFIGURATION + "\n[stations]\n")
    stand.sh("systemctl reload edge-agent")
    stand.until("systemctl show -P StatusText edge-agent | grep -q 'new configuration is bad'")
    assert "stations" in stand.log()
    assert stand.sh("systemctl is-active edge-agent") == "active"
    stand.gun.scan()
    stand.configure(CONFIGURATION.replace("gun-1", "gun-one"))
    stand.sh("systemctl reload edge-agent")
    stand.await_scanner()
    stand.gun.scan()
    stand.configure(CONFIGURATION)
    stand.sh("systemctl reload edge-agent")
    stand.await_scanner()
    assert stand.show("MainPID") == pid
    stand.arrivals.wait_for(set(stand.gun.accepted))


def test_a_bad_configuration_at_start_is_said_once_and_is_no_loop(stand: Stand) -> None:
    stand.configure(CONFIGURATION + "\n[stations]\n")
    code, _ = stand.vm.sh("systemctl restart edge-agent")
    assert code != 0
    stand.until("systemctl is-failed --quiet edge-agent")
    assert stand.show("ExecMainStatus") == "78"
    before = restarts(stand)
    assert "stations" in stand.vm.sh("systemctl status --no-pager edge-agent")[1]
    assert restarts(stand) == before
    stand.configure(CONFIGURATION)
    stand.sh("systemctl restart edge-agent")
    stand.ready()
    stand.gun.scan()


def test_a_stop_is_in_order_and_leaves_outputs_safe(stand: Stand) -> None:
    stand.gun.scan()
    stand.sh("systemctl stop edge-agent")
    assert stand.show("Result") == "success"
    assert stand.show("ExecMainStatus") == "0"
    stopped = stand.sh("systemctl show -p ExecStopPost edge-agent")
    assert "status=0" in stopped
    stand.sh("systemctl start edge-agent")
    stand.ready()
    stand.arrivals.wait_for(set(stand.gun.accepted))


def test_power_cuts_lose_nothing_that_was_accepted(stand: Stand) -> None:
    print(f"VMLAB_SEED={SEED}")
    chance = random.Random(SEED)
    for cut in range(CUTS):
        away = bool(cut % 2)
        if away:
            stand.broker.stop()
        for _ in range(chance.randrange(1, SCANS_MAX)):
            stand.gun.scan()
        for _ in range(chance.randrange(4)):
            stand.gun.pull()
        stand.vm.power_cut()
        print(f"cut {cut}: {len(stand.gun.accepted)} accepted, broker {'away' if away else 'here'}")
        if away:
            stand.broker.start()
        stand.vm.boot()
        stand.gun.plug(stand.vm)
        stand.ready()
        stand.gun.scan()
        stand.arrivals.wait_for(set(stand.gun.accepted))
    texts = stand.arrivals.texts()
    assert set(texts) <= set(stand.gun.made), "a scan that nobody made"
    accepted = set(stand.gun.accepted)
    assert [text for text in texts if text in accepted] == stand.gun.accepted
    assert not stand.arrivals.contradictions


def test_an_upgrade_that_fails_goes_back(stand: Stand, tmp_path: Path) -> None:
    release = stand.sh("readlink /opt/edge-agent/current")
    code, said = stand.install(broken_wheel(stand.wheel, tmp_path))
    assert code == 1, said
    assert "going back" in said
    assert stand.sh("readlink /opt/edge-agent/current") == release
    stand.ready()
    stand.gun.scan()


def broken_wheel(wheel: Path, folder: Path) -> Path:
    """Make of a wheel one that installs and whose `run` ends at once."""
    path = folder / wheel.name
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("/RECORD"):
                lines = content.decode().splitlines()
                content = "".join(f"{line.split(',')[0]},,\n" for line in lines).encode()
            if name == "edge_agent/cli.py":
                content = b"def main():\n    raise SystemExit('broken')\n"
            bad.writestr(name, content)
    return path
