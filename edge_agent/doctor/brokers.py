"""The brokers: each is visited as the agent would, and the visit judged stage by stage."""

import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edge_agent.configuration import Address, Configuration
from edge_agent.doctor import certificates
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Verdict
from edge_agent.uplink import troubles
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Cause
from edge_agent.uplink.visit import LOGIN, PUBLISH, Visit, Visitor
from edge_agent.wire.topics import Topics

GROUP: Final = "broker"

SLOW_NS: Final = 1_000_000_000
"""A round trip above this is a warning: people at the line see it."""

_CREDENTIALS: Final = (
    "; where systemd gives the agent its secrets (LoadCredential=), this command has them only"
    " with CREDENTIALS_DIRECTORY"
)
_SHOWN: Final = {"look-up": "look-up", "connect": "connect", "TLS": "TLS", LOGIN: "login"}
_SLOW: Final = "look at the network between, and at the broker's machine"
_ACL: Final = "let this agent write and read {topic} in the broker's access rules (ACL)"


def url(address: Address) -> str:
    """Say which broker, as the configuration has it."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"mqtt{'s' if address.tls else ''}://{host}:{address.port}"


def visitor(configuration: Configuration, address: Address, mono_ns: Callable[[], int]) -> Visitor:
    """Make a visitor with the agent's rights, and a client id and a topic of its own."""
    agent = configuration.agent.id
    return Visitor(
        address,
        configuration.broker,
        f"{agent}-doctor-{os.urandom(3).hex()}",
        Topics(configuration.site.base).doctor(agent),
        mono_ns,
    )


def standing(visit: Visit) -> tuple[str, str]:
    """Say what a visit waits for that has not come back, and what to do."""
    if visit.stage in ("files", "look-up", "connect", "TLS"):
        return troubles.of_hanging_dial(visit.address, visit.stage)
    return f"{troubles.place(visit.address)} does not answer", "look at the broker's machine"


def judged(visit: Visit, topic: str, now_s: float) -> Iterator[Finding]:
    """Judge a visit: what was reached, and what it ended with."""
    where = url(visit.address)
    if "look-up" in visit.took_ns and not _is_number(visit.address.host):
        took = _ms(visit.took_ns["look-up"])
        yield Finding(f"{where} look-up", GROUP, Verdict.OK, f"{visit.address.host} found, {took}")
    if "connect" in visit.took_ns:
        took = _ms(visit.took_ns["connect"])
        yield Finding(f"{where} connect", GROUP, Verdict.OK, f"connected, {took}")
    if visit.ends_s is not None:
        yield certificates.judged(f"{where} TLS", "signed by our CA", [visit.ends_s], now_s)
    greeted = "login" in visit.took_ns
    if greeted:
        what = f"logged in, {visit.version.words}, {_ms(visit.took_ns[LOGIN])}"
        yield Finding(f"{where} login", GROUP, Verdict.OK, what)
    if visit.trouble is not None:
        why, remedy = visit.trouble
        name = _SHOWN.get(visit.stage, "publish" if greeted else "connect")
        if name == "login" and visit.ending is not None and visit.ending.cause is Cause.REFUSED:
            remedy += _CREDENTIALS
        yield Finding(f"{where} {name}", GROUP, Verdict.FAIL, why, remedy)
        return
    yield from _published(visit, where, topic)


def _published(visit: Visit, where: str, topic: str) -> Iterator[Finding]:
    name, remedy = f"{where} publish", _ACL.format(topic=topic)
    if visit.refused is not None:
        what = f"it refuses what we publish on {topic}: {visit.refused.replace('_', ' ')}"
        yield Finding(name, GROUP, Verdict.FAIL, what, remedy)
        return
    took_ns = visit.took_ns.get(PUBLISH, 0)
    if visit.returned_ns is not None:
        slow = visit.returned_ns > SLOW_NS
        verdict, remedy = (Verdict.WARN, _SLOW) if slow else (Verdict.OK, "")
        yield Finding(name, GROUP, Verdict.OK, f"{topic} may be written")
        what = f"{_ms(visit.returned_ns)} there and back"
        yield Finding(f"{where} round trip", GROUP, verdict, what, remedy)
    elif visit.version is Version.V5:
        yield Finding(name, GROUP, Verdict.OK, f"{topic} may be written, {_ms(took_ns)}")
        what = "not measured: we may not read what we wrote"
        yield Finding(f"{where} round trip", GROUP, Verdict.OK, what)
    else:
        # 3.1.1 has no word for a refusal: what does not come back may have been thrown away
        what = f"what we publish on {topic} does not come back: thrown away, or not to be read"
        yield Finding(name, GROUP, Verdict.WARN, what, remedy)


def eased(
    findings: Sequence[Finding], addresses: Sequence[Address], *, agent_is_in: bool
) -> list[Finding]:
    """Make less of a failure that the agent does without: another broker, or better secrets.

    A failure where another address works is a warning, and so is one where the running agent
    says that it is connected.
    """
    failed = [_failed(findings, address) for address in addresses]
    some = not all(failed)
    if not any(failed) or not (some or agent_is_in):
        return list(findings)
    more = "; another broker works meanwhile" if some else "; the running agent itself is connected"
    prefixes = tuple(f"{url(address)} " for address in addresses)
    return [
        one._replace(verdict=Verdict.WARN, what=one.what + more)
        if one.verdict is Verdict.FAIL and one.name.startswith(prefixes)
        else one
        for one in findings
    ]


def _failed(findings: Sequence[Finding], address: Address) -> bool:
    prefix = f"{url(address)} "
    return any(one.verdict is Verdict.FAIL and one.name.startswith(prefix) for one in findings)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ms(took_ns: int) -> str:
    return f"{took_ns / 1e6:.1f} ms"
