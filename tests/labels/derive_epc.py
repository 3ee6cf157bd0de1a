"""`python -m tests.labels.derive_epc FACTS_FOLDER`: the tables of edge_agent/labels/epc_schemes.py.

FACTS_FOLDER is where `tdt/` lies: the published JSON of GS1 Tag Data Translation. What they say of
the bits is kept, what only serves to translate between notations is not. A fact that does not fit
the compact form stops the script, so that a new release is read before it is believed.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "edge_agent" / "labels" / "epc_schemes.py"

HEAD = '''"""Facts of EPC binary coding: headers, partitions, widths, and values in a "+" tag.

Derived by tests/labels/derive_epc.py from gs1/TDT, release {version} (of EPC Tag Data Standard
{version}), Apache-2.0, Copyright GS1 AISBL. Do not edit: run the script.
"""

# ruff: noqa: E501

from typing import Final

'''

CLASSIC = """Header -> name, bits (0: as they come), name in a URI, AIs, kind and widths of the \
reference by
partition value (bits.digits, bits<digits), then name:width:kind of what follows."""
UNPARTITIONED = """Header -> name, bits, name in a URI, name:width:kind of its fields (of the \
first of its forms)."""
PLUS = "Header -> name, AIs, qualifiers in the path of a link, AIs of the date by its kind."

PARTS = {
    "indicatordigit": "lead",
    "extensiondigit": "lead",
    "gs1companyprefix": "company",
    "itemrefremainder": "rest",
    "serialrefremainder": "rest",
    "checkdigit": "check",
    "piece": "piece",
    "total": "total",
    "serial": "serial",
    "cpiserial": "serial",
}
REFERENCES = {
    "assettype",
    "comppartref",
    "couponref",
    "doctype",
    "indassetref",
    "itemref",
    "locationref",
    "serialref",
    "serviceref",
}
NUMERIC_STRINGS = {"SGCN-96": 10**12, "GDTI-113": 10**17}
"""Schemes whose serial keeps its leading zeros behind a digit 1 (TDS 14.3.6, Numeric String), and
the first serial that is too long. TDT 2.2 has the digit for SGCN-96 and has lost it for GDTI-113,
whose 58 bits are there for it; five published GDTI-113 tags have it."""

FORMATS = {
    "Fixed-length numeric": "nibbles {d}",
    "Fixed-Bit-Length Numeric String": "digits {d} {e}",
    "Variable-length alphanumeric": "text {g} {h}",
    "Delimited/terminated numeric": "delimited {g} {h}",
    "Variable-length numeric string without encoding indicator": "number {g} {h}",
    "6-digit date YYMMDD": "date",
    "10-digit date+time YYMMDDhhmm": "minute",
    "Variable-format date / date range": "range",
    "Variable-precision date+time": "precision",
    "Country code (ISO 3166-1 alpha-2)": "country",
    "Single data bit": "bit",
    "Optional minus sign in 1 bit": "sign",
    "Sequence indicator": "sequence",
}


def level(scheme: Json, kind: str) -> Json:
    found: Json = next(entry for entry in scheme["level"] if entry["type"] == kind)
    return found


def maximum(field: Json) -> str:
    """Give the width of a number, and behind `<` its digits where they bind sooner."""
    bits, most = field["bitLength"], int(field["decimalMaximum"])
    if most == 2**bits - 1:
        return str(bits)
    assert most + 1 == 10 ** len(str(most)), field
    return f"{bits}<{len(str(most))}"


def elements(scheme: Json) -> str:
    """Give AI=parts of the GS1 keys of a scheme, in the order in which they are put together."""
    grammar = level(scheme, "GS1_AI_JSON")["option"][0]["grammar"]
    found = []
    for ai, parts in re.findall(r'"(\d+)":"\'((?: [\w\']+)+)', grammar):
        names = [
            "0" if part == "'0'" else "reference" if part in REFERENCES else PARTS[part]
            for part in parts.split()
            if part != "'"
        ]
        found.append(f"{ai}={'+'.join(names)}")
    return " ".join(found)


def tail(scheme: Json, fields: list[Json], grammar: str) -> str:
    """Give name:width:kind of what stands behind the partition."""
    found = []
    for field in fields:
        name = "serial" if "serial" in field["name"] else field["name"]
        if scheme["name"] in NUMERIC_STRINGS:
            kind = "prefixed"
            assert 2 * NUMERIC_STRINGS[scheme["name"]] <= 2 ** field["bitLength"]
        elif field.get("compaction"):
            assert field["compaction"] == "7-bit"
            kind = "text"
        else:
            kind = "padded" if "length" in field else "integer"
        width = maximum(field) if kind == "integer" else field["bitLength"]
        found.append(f"{name}:{width}:{kind}")
    if zeros := re.search(r"'(0{7,})'$", grammar):
        found.append(f"zero:{len(zeros[1])}:zero")
    return " ".join(found)


def partitioned(scheme: Json) -> tuple[str, ...]:
    options = level(scheme, "BINARY")["option"]
    references, kinds, tails, companies = [], set(), set(), []
    for value, option in enumerate(options):
        lead, company, reference, *behind = sorted(option["field"], key=lambda field: field["seq"])
        assert (lead["name"], lead["bitLength"]) == ("filter", 3)
        assert (company["name"], reference["name"] in REFERENCES) == ("gs1companyprefix", True)
        assert f"filter '{value:03b}' gs1companyprefix" in option["grammar"]
        companies.append(f"{company['bitLength']}.{company['length']}")
        if reference.get("compaction"):
            kinds.add({"6-bit": "six", "7-bit": "text"}[reference["compaction"]])
            references.append(str(reference.get("bitLength", 0)))
        elif "length" in reference:
            kinds.add("padded")
            assert int(reference["decimalMaximum"]) + 1 == 10 ** reference["length"]
            references.append(f"{reference['bitLength']}.{reference['length']}")
        else:
            kinds.add("integer")
            references.append(maximum(reference))
        tails.add(tail(scheme, behind, option["grammar"]))
    (kind,), (behind_all,) = kinds, tails
    assert " ".join(companies) == COMPANY
    uri = level(scheme, "PURE_IDENTITY")["prefixMatch"].rpartition(":")[2]
    return (
        scheme["name"],
        str(scheme.get("tagLength", 0)),
        uri,
        elements(scheme),
        kind,
        " ".join(references),
        behind_all,
    )


COMPANY = "40.12 37.11 34.10 30.9 27.8 24.7 20.6"


def unpartitioned(scheme: Json) -> tuple[str, ...]:
    option = level(scheme, "BINARY")["option"][0]
    widths = [
        f"{field['name']}:{field.get('bitLength', 0)}:"
        + {"6-bit": "six", "8-bit": "eight", None: "integer"}[field.get("compaction")]
        for field in sorted(option["field"], key=lambda field: field["seq"])
    ]
    uri = level(scheme, "PURE_IDENTITY")["prefixMatch"].rpartition(":")[2]
    return scheme["name"], str(scheme.get("tagLength", 0)), uri, " ".join(widths)


def plus(scheme: Json) -> tuple[str, ...]:
    """Give name, AIs, qualifiers in the path of a link, and AI of each kind of date (DSGTIN+)."""
    options = level(scheme, "BINARY")["option"]
    encoded = [entry["ai"] for entry in options[0]["encodedAI"]]
    assert all([entry["ai"] for entry in option["encodedAI"]] == encoded for option in options)
    dates = ""
    if len(options) > 1:
        for value, option in enumerate(options):
            assert f"'{value:04b}'" in option["grammar"]
        dates = " ".join(
            re.findall(r'"(\d+)":', option["grammar"])[-1]
            for option in level(scheme, "GS1_AI_JSON")["option"]
        )
    link = level(scheme, "GS1_DIGITAL_LINK")
    return scheme["name"], " ".join(encoded), " ".join(link["gs1DigitalLinkKeyQualifiers"]), dates


def ranges(names: list[str]) -> str:
    """Join 3100, 3101, ... 3105 to 3100-3105."""
    runs: list[list[str]] = []
    for name in names:
        last = runs[-1][-1] if runs else ""
        if last and len(last) == len(name) and int(name) == int(last) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return " ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def values(table: Json) -> dict[str, str]:
    """Give format -> AIs of Table F."""
    found: dict[str, list[str]] = {}
    for row in table["rows"]:
        form = FORMATS[row["b"]].format_map(row)
        if "i" in row:
            second = dict(zip("defgh", (row.get(key, "") for key in "klmno"), strict=True))
            form += " + " + FORMATS[row["i"]].format_map(second)
        found.setdefault(form, []).append(row["a"])
    return {form: ranges(names) for form, names in found.items()}


def keys(table: Json) -> dict[int, str]:
    """Give length of an AI -> its first two digits (Table K)."""
    found: dict[int, list[str]] = {}
    for row in table["rows"]:
        assert int(row["c"]) == 4 * (int(row["b"]) - 2)
        found.setdefault(int(row["b"]), []).append(row["a"])
    return {length: ranges(names) for length, names in found.items()}


def check_widths(table: Json) -> None:
    """Hold Table B against the arithmetic that the code does instead of looking it up."""
    for row in table["rows"]:
        count = int(row["a"])
        whole, hexadecimal, lower, code40, base64, ascii7 = (int(row[key]) for key in "bcdefg")
        assert whole == (10**count - 1).bit_length()
        assert (hexadecimal, lower, base64, ascii7) == (4 * count, 4 * count, 6 * count, 7 * count)
        assert code40 == 16 * -(-count // 3)


def check_indicators(table: Json) -> None:
    """Hold Table E against the six packings of text that the code knows by number."""
    packed = ("integer", "upper case", "lower case", "base 64", "7-bit ASCII", "URN Code 40")
    for number, (row, word) in enumerate(zip(table["rows"], packed, strict=True)):
        assert int(row["a"]) == number
        assert word in row["c"]


def table(name: str, kind: str, about: str, rows: dict[str, object]) -> Iterator[str]:
    yield f"{name}: Final[{kind}] = {{"
    for key, row in rows.items():
        cells = " | ".join(row) if isinstance(row, tuple) else row
        yield f"    {key}: {json.dumps(cells)},"
    yield "}"
    yield f'"""{about}"""'
    yield ""


def schemes(facts: Path) -> tuple[str, dict[str, object], dict[str, object], dict[str, object]]:
    """Give release, and header -> row of partitioned, other, and "+" schemes."""
    classic: dict[str, object] = {}
    others: dict[str, object] = {}
    pluses: dict[str, object] = {}
    releases = set()
    entries = json.loads((facts / "manifest.json").read_text("utf-8"))["definitionFiles"]
    for name in [entry["file"] for entry in entries] + ["GID-96.json"]:  # the list has it not
        whole = json.loads((facts / name).read_text("utf-8"))["tdt:epcTagDataTranslation"]
        scheme = whole["scheme"]
        releases.add(whole["version"])
        header = f"0x{int(level(scheme, 'BINARY')['prefixMatch'], 2):02X}"
        if scheme["name"].endswith("+"):
            pluses[header] = plus(scheme)
        elif scheme.get("optionKey") == "gs1companyprefixlength":
            classic[header] = partitioned(scheme)
        else:
            others[header] = unpartitioned(scheme)
    (version,) = releases
    return version, dict(sorted(classic.items())), dict(sorted(others.items())), pluses


def module(folder: Path) -> str:
    """Give the text of edge_agent/labels/epc_schemes.py."""
    facts = folder / "tdt"
    version, classic, others, pluses = schemes(facts)
    tables = {
        letter: json.loads((facts / f"TDT_Table{letter}.json").read_text("utf-8"))
        for letter in "BEFK"
    }
    check_widths(tables["B"])
    check_indicators(tables["E"])
    lines = [
        f'COMPANY: Final = "{COMPANY}"',
        '"""Bits and digits of the company prefix, by partition value."""',
        "",
        *table("CLASSIC", "dict[int, str]", CLASSIC, classic),
        *table("UNPARTITIONED", "dict[int, str]", UNPARTITIONED, others),
        *table("PLUS", "dict[int, str]", PLUS, dict(sorted(pluses.items()))),
        *table(
            "VALUES",
            "dict[str, str]",
            "How a value stands in the bits -> its AIs (Table F); `+` joins two components.",
            {json.dumps(form): names for form, names in values(tables["F"]).items()},
        ),
        *table(
            "AI_DIGITS",
            "dict[int, str]",
            "Digits of an AI -> its first two (Table K).",
            {str(length): row for length, row in keys(tables["K"]).items()},
        ),
    ]
    return HEAD.format(version=version) + "\n".join(lines).rstrip() + "\n"


def main(folder: str) -> None:
    """Write the module."""
    MODULE.write_text(module(Path(folder)), "utf-8")
    print(f"{os.path.relpath(MODULE)} written; look at the difference before you commit it")


if __name__ == "__main__":
    main(sys.argv[1])
