"""What is wrong with the broker and what to do about it, in words for people.

Every text is the same as long as the trouble is the same: it is told on change only.
"""

import errno
import socket
import ssl
from typing import Final, NamedTuple

from edge_agent.configuration import Address
from edge_agent.uplink.dial import FileTrouble
from edge_agent.uplink.session import Cause, Ending


class Trouble(NamedTuple):
    """What is wrong; what to do."""

    why: str
    remedy: str


def place(address: Address) -> str:
    """Say which broker, as people write it."""
    return f"{address.host}:{address.port}"


_LOOK_UP = {
    socket.EAI_NONAME: (
        "the name {host} is unknown",
        "correct broker.url, or have the name server know {host}",
    ),
    socket.EAI_AGAIN: (
        "no name server answers for {host}",
        "check network and name server of this device, or write an IP address in broker.url",
    ),
}

_CONNECT = {
    errno.ECONNREFUSED: (
        "nothing listens on {place}",
        "start the broker, or correct host and port in broker.url",
    ),
    errno.EHOSTUNREACH: ("there is no way to {place}", "check cable, switch and route"),
    errno.ENETUNREACH: (
        "this device has no network to reach {place}",
        "check cable, wireless and gateway",
    ),
    errno.EACCES: ("this device may not connect to {place}", "check its firewall"),
    errno.EPERM: ("this device may not connect to {place}", "check its firewall"),
}

_STAGES = {
    "files": ("the files for {place} cannot be read yet", "check the disk that holds the keys"),
    "look-up": (
        "the name server does not answer for {host}",
        "check the name server of this device, or write an IP address in broker.url",
    ),
    "connect": (
        "{place} does not answer",
        "check that the broker's machine is up, the address right and no firewall between",
    ),
    "TLS": (
        "{place} takes the connection and then says nothing: no TLS",
        "check that this is the broker's TLS port; mqtt:// is without TLS",
    ),
}

_NO_TLS = (
    "{place} does not speak TLS",
    "check that this is the broker's TLS port; mqtt:// in broker.url is without TLS",
)

_VERIFY_EXPIRED: Final = 10
_VERIFY_NOT_YET: Final = 9
_VERIFY_HOST: Final = 62
_VERIFY_ADDRESS: Final = 64

_CONNACK = {
    0x84: ("speaks neither MQTT 5 nor 3.1.1", "use a broker that speaks MQTT 3.1.1 or 5"),
    0x85: ("refuses our client id", "choose another agent.id, or allow this one at the broker"),
    0x86: (
        "refuses user name or password",
        "correct broker.username and the password file, or the user at the broker",
    ),
    0x87: (
        "does not allow us to connect",
        "give, or correct, user name and password file, or certificate, as the broker knows them",
    ),
    0x88: ("is not available", "wait, or look at the broker's log"),
    0x89: ("is too busy", "wait, or give the broker more room"),
    0x8A: ("has banned us", "lift the ban at the broker"),
    0x97: ("has reached its quota of clients", "raise the broker's limit on connections"),
    0x9A: (
        "takes no retained messages",
        "allow retained messages at the broker: status needs them",
    ),
    0x9B: ("does not take QoS 1", "use a broker that takes QoS 1: nothing less is safe"),
    0x9F: ("refuses so many connections", "raise the broker's limit on the rate of connections"),
}

_GOODBYE = {
    0x87: ("no longer allows this connection", "look at the broker's log and access rules"),
    0x89: ("is too busy", "wait, or give the broker more room"),
    0x8B: ("is shutting down", "wait until it is back, or start it"),
    0x8D: ("heard nothing of us in time", "look at the network between"),
    0x8E: (
        "gave our session to another client with the same id",
        "give every agent an agent.id of its own: two use this one",
    ),
    0x93: ("says that we sent too much at once", "report this: it is a fault of the agent"),
    0x95: ("refuses a packet as too large", "raise the broker's packet size to 128 KiB"),
    0x98: ("was told by its administrator to drop us", "ask the broker's administrator"),
}

_ENDINGS = {
    Cause.CLOSED: ("closed the connection", "look at the broker's log; the agent tries again"),
    Cause.LOST: ("is out of reach: the connection broke", "check cable, switch and wireless"),
    Cause.NONSENSE: (
        "sends what is not MQTT",
        "check that host and port in broker.url are those of an MQTT broker",
    ),
    Cause.STUCK: ("does not read what we send", "look at the broker's machine and its log"),
    Cause.SILENT: ("has fallen silent", "look at the broker's machine and the network between"),
    Cause.PUBACK_LATE: (
        "does not acknowledge what we publish",
        "look at the broker's machine, its disk and its log; the connection is renewed",
    ),
    Cause.NO_CONNACK: (
        "takes the connection and never answers",
        "check that this is an MQTT port, and that the broker is not stuck",
    ),
    Cause.NO_LOOP_BACK: (
        "takes our publishes but does not deliver our own status: events wait",
        "let this agent write and read its own status topic in the broker's access rules (ACL)",
    ),
    Cause.RENEWED: ("is being connected anew: the settings changed", "nothing to do"),
}


def told(address: Address, texts: tuple[str, str]) -> Trouble:
    """Fill a text in."""
    words = {"host": address.host, "place": place(address)}
    return Trouble(texts[0].format(**words), texts[1].format(**words))


def of_dial(address: Address, fault: OSError | UnicodeError, stage: str) -> Trouble:
    """Say why no connection came about, and at which stage of it."""
    if isinstance(fault, FileTrouble):
        return Trouble(str(fault), "correct the path in [broker], or the file and its permissions")
    if isinstance(fault, ssl.SSLError):
        return of_tls(address, fault)
    if isinstance(fault, UnicodeError):
        texts = ("{host} cannot be a host name", "correct broker.url")
    elif isinstance(fault, TimeoutError):
        texts = _STAGES[stage]
    elif isinstance(fault, socket.gaierror):
        other = ("the look-up of {host} fails: " + _quoted(fault), _LOOK_UP[socket.EAI_AGAIN][1])
        texts = _LOOK_UP.get(fault.errno or 0, other)
    elif isinstance(fault, ConnectionError) and stage == "TLS":
        texts = _NO_TLS
    else:
        other = ("no connection to {place}: " + _quoted(fault), "check the network of this device")
        texts = _CONNECT.get(fault.errno or 0, other)
    return told(address, texts)


def of_hanging_dial(address: Address, stage: str) -> Trouble:
    """Say what an attempt waits for that is not answered."""
    return told(address, _STAGES[stage])


def of_tls(address: Address, fault: ssl.SSLError) -> Trouble:
    """Say what is wrong with a certificate, theirs or ours, or with TLS altogether."""
    where = place(address)
    if isinstance(fault, ssl.SSLCertVerificationError):
        return _of_certificate(address, fault.verify_code, fault.verify_message)
    reason = (fault.reason or "").upper()
    if "ALERT" in reason and ("CERT" in reason or "UNKNOWN_CA" in reason):
        return Trouble(
            f"{where} refuses our certificate ({reason.lower().replace('_', ' ')})",
            "give cert_file and key_file of a certificate that the broker's CA has signed",
        )
    if reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"):
        return told(address, _NO_TLS)
    return Trouble(
        f"TLS with {where} fails: {reason.lower().replace('_', ' ') or 'no reason given'}",
        "check ca_file, cert_file and key_file, and the broker's TLS settings",
    )


def _of_certificate(address: Address, code: int, message: str) -> Trouble:
    where = place(address)
    if code in (_VERIFY_EXPIRED, _VERIFY_NOT_YET):
        which = "has expired" if code == _VERIFY_EXPIRED else "is not valid yet"
        return Trouble(
            f"the certificate of {where} {which}",
            "renew it at the broker, or set the clock of this device",
        )
    if code in (_VERIFY_HOST, _VERIFY_ADDRESS):
        return Trouble(
            f"the certificate of {where} is not for {address.host}",
            "write the name that the certificate has in broker.url, or renew it with this one",
        )
    return Trouble(
        f"the certificate of {where} is not signed by our CA ({message})",
        "give the CA that signed it as broker.ca_file",
    )


def of_ending(address: Address, ending: Ending, *, greeted: bool) -> Trouble:
    """Say why a session ended; `greeted` when the broker had answered CONNECT."""
    where = place(address)
    if isinstance(ending.fault, ssl.SSLError) and ending.cause is Cause.NONSENSE:
        return of_tls(address, ending.fault)
    if ending.cause in (Cause.REFUSED, Cause.GOODBYE):
        texts = (_CONNACK if ending.cause is Cause.REFUSED else _GOODBYE).get(ending.code)
        if texts is None:
            texts = (f"says {ending.name or ending.code!r}", "look at the broker's log")
        return Trouble(f"{where} {texts[0]}", texts[1])
    if ending.cause is Cause.CLOSED and not greeted:
        return Trouble(
            f"{where} takes the connection and hangs up before it answers",
            "check that this is the broker's MQTT port (a TLS port needs mqtts://) and its log",
        )
    why, remedy = _ENDINGS[ending.cause]
    return Trouble(f"{where} {why}", remedy)


def of_short_lives(address: Address) -> Trouble:
    """Say that connections are closed as soon as they stand."""
    return Trouble(
        f"{place(address)} closes every connection soon after it has accepted it",
        "see whether another client uses this agent.id, and look at the broker's log",
    )


def of_publish(address: Address, reason: str, topic: bytes) -> Trouble:
    """Say that the broker will not have something of ours, though the connection stands."""
    what = topic.decode("utf-8", "replace")
    if reason == "oversize":
        return Trouble(
            f"a message on {what} is too large for {place(address)} and was set aside",
            "raise the broker's packet size to 128 KiB",
        )
    return Trouble(
        f"{place(address)} refuses what we publish on {what}: {reason.replace('_', ' ')}",
        "let this agent write this topic in the broker's access rules (ACL)",
    )


def of_subscriptions(address: Address, topics: list[str]) -> Trouble:
    """Say that the broker does not let us hear."""
    return Trouble(
        f"{place(address)} refuses our subscription to {', '.join(topics)}",
        "let this agent read these topics in the broker's access rules (ACL)",
    )


def _quoted(fault: OSError) -> str:
    text = fault.strerror or str(fault)
    return text.replace("{", "(").replace("}", ")")
