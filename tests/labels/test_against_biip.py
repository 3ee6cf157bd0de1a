"""Element strings against biip, another reader of them: where it says otherwise, why.

Decided differences: biip takes two separators in a row; checks neither the check digit of a GRAI
nor what GS1's syntax tests check (countries, currencies, package types, and so on), so it takes
labels that we refuse; it knows no (03) and not every newer identifier; and it refuses none that we
take, but for dates that its calendar does not have.
"""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_agent.labels import gs1

biip: Any = pytest.importorskip("biip")
gs1_messages: Any = pytest.importorskip("biip.gs1_messages")
application_identifiers: Any = pytest.importorskip("biip.gs1_application_identifiers")

THEIRS: set[str] = set(application_identifiers._GS1_APPLICATION_IDENTIFIERS)
SHARED = [one for ai, one in gs1.rules().items() if ai in THEIRS]


def theirs(text: str) -> dict[str, str] | None:
    """Read with biip; None where it refuses."""
    try:
        found = gs1_messages.GS1Message.parse(text)
    except biip.ParseError:
        return None
    return {one.ai.ai: one.value for one in found.element_strings}


def values(rule: gs1.Rule) -> st.SearchStrategy[str]:
    return st.from_regex(rule.match.__self__, fullmatch=True)  # type: ignore[attr-defined] # a pattern's method


def test_most_identifiers_are_known_to_both() -> None:
    assert len(SHARED) > 400


@given(st.data())
def test_what_we_read_biip_reads_alike(data: st.DataObject) -> None:
    rules = data.draw(st.lists(st.sampled_from(SHARED), min_size=1, max_size=5, unique=True))
    fields = {one.ai: data.draw(values(one)) for one in rules}
    assume(all(not gs1.wrong(one, fields[one.ai]) for one in rules))
    text = gs1.message(fields)
    assert gs1.elements(text).fields == fields
    found = theirs(text)
    assert found in (None, fields), text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10A\x1d\x1d21B", "two separators in a row are an error for GS1's own engine"),
        ("800300614141123453", "the GRAI has a check digit"),
        ("422999", "999 is no country"),
    ],
)
def test_where_biip_is_laxer_we_refuse(text: str, why: str) -> None:
    assert theirs(text) is not None, why
    assert gs1.elements(text).error is not None, why
