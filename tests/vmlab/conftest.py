"""The one device of all tests here: made once, for it takes minutes."""

from collections.abc import Iterator

import pytest

from tests.vmlab.lab import CONFIGURATION, Stand


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("vmlab"))
    try:
        stand.write("/opt/agent.toml", CONFIGURATION)
        code, said = stand.install(stand.wheel, "--config", "/opt/agent.toml")
        assert code == 0, said + stand.log()
        assert "is ready" in said
        stand.gun.plug(stand.vm)
        yield stand
    finally:
        stand.close()
