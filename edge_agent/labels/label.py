"""What a label or a tag turned out to be: the answer of every decoder, and of `decode`."""

from typing import Final, NamedTuple

from edge_agent.labels.mh10 import Fields

GS1: Final = "gs1"
DIGITAL_LINK: Final = "digital-link"
ISO15434: Final = "iso15434"
DI: Final = "di"
EPC: Final = "epc"
ISO1736X: Final = "iso1736x"
LAYOUT: Final = "layout:"
PLAIN: Final = "plain"


class Label(NamedTuple):
    """What was read.

    `fields` are as encoded, by their identifiers; `ids` name what identifies something. With an
    `error`, which says what is wrong with what it claims to be, there are no fields.
    """

    format: str
    symbology: str | None
    ids: dict[str, str]
    fields: Fields
    warnings: tuple[str, ...] = ()
    error: str | None = None
