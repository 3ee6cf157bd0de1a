"""`edge-agent decode` as people and programs call it."""

import json
import subprocess
from pathlib import Path

from tests.kit.agents import COMMAND, command

LAYOUT = """
[agent]
id = "pi-a2"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:9"
[site]
base = "a/b"
[[station]]
id = "A2"
[[layout]]
name = "plant-card"
match = { at = 0, text = "K-" }
fields = [{ name = "card", start = 0, length = 6 }]
"""


def test_a_person_is_told_what_a_label_says() -> None:
    ended = command("decode", "]d2011231231231233310ABC")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "]d2 GS1 DataMatrix: gs1"
    assert lines[1].split() == ["01", "GTIN", "12312312312333"]


def test_a_bad_label_is_no_failure_of_the_command() -> None:
    ended = command("decode", "]C10112312312312334", "[)>")
    assert ended.code == 0
    assert ended.out.count("error:") == 2


def test_each_line_of_json_has_its_line_of_json_whatever_it_holds() -> None:
    asked = b'{"text":"K-0417"}\nnonsense\n{"hex":"3074257BF7194E4000001A85"}\n\xff\xfe\n'
    done = subprocess.run(
        [*COMMAND, "decode", "--jsonl"], input=asked, capture_output=True, check=True
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["format"] for one in said] == ["plain", "plain", "epc", "plain"]
    assert [bool(one["error"]) for one in said] == [False, True, False, True]
    assert done.stderr == b""


def test_the_layouts_of_a_plant_are_known(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(LAYOUT)
    ended = command("decode", "--config", config, "--jsonl", '{"text": "K-0417"}')
    said = json.loads(ended.out)
    assert (said["format"], said["fields"]) == ("layout:plant-card", {"card": "K-0417"})
    config.write_text(LAYOUT.replace("length = 6", "length = 0"))
    assert command("decode", "--config", config, "K-0417").code == 78
