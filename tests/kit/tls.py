"""Certificates for tests, made on the spot by the openssl command: no key is in the tree."""

import os
import shutil
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")


class Authority:
    """A CA in a folder of its own; `issue` signs certificates for names."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", self._key, "-out", self.certificate, "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, name: str, *, alternative: str, expired: bool = False) -> tuple[Path, Path]:
        """Give certificate and key for `name`; `alternative` is like `IP:127.0.0.1`."""
        slug = f"{name}{'-expired' if expired else ''}"
        request, key, certificate = (
            self.folder / f"{slug}.{ending}" for ending in ("csr", "key", "pem")
        )
        extensions = self.folder / f"{slug}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n", "utf-8")
        _openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", key, "-out", request, "-subj", f"/CN={name}"),
        )
        # openssl x509 can only count days from now: one that ended yesterday has a negative count
        days = "-1" if expired else "2"
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key),
            *("-CAcreateserial", "-out", certificate, "-days", days, "-extfile", extensions),
        )
        return certificate, key


def listener(authority: Authority, certificate: Path, key: Path, *, clients: bool) -> list[str]:
    """Give the lines that make mosquitto's listener speak TLS."""
    return [
        f"cafile {authority.certificate}",
        f"certfile {certificate}",
        f"keyfile {key}",
        f"require_certificate {'true' if clients else 'false'}",
    ]


def _openssl(*words: str | Path) -> None:
    assert OPENSSL is not None, "openssl is not installed"
    done = subprocess.run(
        [OPENSSL, *map(os.fspath, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
