"""Characters in the bits of an EPC: seven bits of ASCII, or six of the part number alphabet."""

from edge_agent.labels.tag import PART_CHARACTERS, SERIAL_CHARACTERS, Impossible

SEVEN = 7
SIX = 6
LETTERS = 0x20
"""Six bits below this are a letter, 64 lower than in ASCII (TDS annex G, ISO/IEC 17364)."""


def behind(number: int, spare: int) -> tuple[str, ...]:
    """Warn of the last `spare` bits when they are not zero."""
    return ("bits after the end of the code are not zero",) if number & ((1 << spare) - 1) else ()


def text7(number: int, bits: int) -> tuple[str, tuple[str, ...]]:
    """Read 7-bit characters up to the first zero, and warn of what is behind it (TDS 14.4.2).

    Impossible when there is none, or one that GS1's character set 82 does not have.
    """
    octets = bytes([number >> shift & 0x7F for shift in range(bits - SEVEN, -1, -SEVEN)])
    text = octets.partition(b"\0")[0]
    if not text:
        raise Impossible("serial or reference is empty")
    if strange := text.translate(None, SERIAL_CHARACTERS):
        raise Impossible(f"character {chr(strange[0])!r} is not in GS1's character set")
    return text.decode(), behind(number, bits - SEVEN * len(text))


def packed7(text: str, bits: int) -> int:
    """Give text as 7-bit characters, zero bits behind; Impossible as for `text7`."""
    octets = text.encode("ascii", "replace")
    if not text or octets.translate(None, SERIAL_CHARACTERS) or not text.isascii():
        raise Impossible(f"{text!r} is empty or not of GS1's character set")
    spare = bits - SEVEN * len(octets)
    if spare < 0:
        raise Impossible(f"{text!r} has more than {bits // SEVEN} characters")
    number = 0
    for octet in octets:
        number = number << SEVEN | octet
    return number << spare


def text6(number: int, left: int, most: int) -> tuple[str, int]:
    """Read 6-bit characters up to six zero bits (TDS 14.4.8); give text and the bits then left.

    Impossible when the end is missing, a character is none, or there are more than `most`.
    """
    text = bytearray()
    while True:
        left -= SIX
        if left < 0:
            raise Impossible("too short: the six zero bits that end a text are not there")
        value = number >> left & 0x3F
        if not value:
            return text.decode(), left
        text.append(value + 0x40 if value < LETTERS else value)
        if text[-1] not in PART_CHARACTERS:
            raise Impossible(f"character {chr(text[-1])!r} is not one of a part number")
        if len(text) > most:
            raise Impossible(f"a text has more than {most} characters")


def packed6(text: str, most: int) -> tuple[int, int]:
    """Give text as 6-bit characters with the six zero bits behind, and how many bits that is."""
    octets = text.encode("ascii", "replace")
    if octets.translate(None, PART_CHARACTERS) or not text.isascii() or len(text) > most:
        raise Impossible(f"{text!r} is not of {most} characters of a part number")
    number = 0
    for octet in octets:
        number = number << SIX | octet & 0x3F
    return number << SIX, SIX * (len(octets) + 1)
