"""The pages say what the code has: every `file.py:Name` in them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("ARCHITECTURE.md", "README.md")
NAME = re.compile(r"`((?:edge_agent|drivers|tests)/[\w/]+\.py):([A-Za-z_]\w*)(?:\.([a-z_]\w*))?`")
PATH = re.compile(r"`((?:edge_agent|drivers|tests|config|systemd|docs)/[\w./-]*)`")


def defined(tree: ast.AST, name: str) -> ast.AST | None:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node
    return None


@pytest.mark.parametrize("page", PAGES)
def test_every_name_on_a_page_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for file, name, member in NAME.findall(text):
        path = ROOT / file
        assert path.exists(), f"{page} names {file}: it is not there; mend the page"
        found = defined(ast.parse(path.read_text("utf-8")), name)
        assert found is not None, f"{page} names {file}:{name}: not defined there; mend the page"
        if member:
            there = defined(found, member)
            assert there is not None, f"{page} names {file}:{name}.{member}: mend the page"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_a_page_exists(page: str) -> None:
    for path in PATH.findall((ROOT / page).read_text("utf-8")):
        assert (ROOT / path).exists(), f"{page} names {path}: it is not there; mend the page"


def test_the_architecture_page_walks_one_scan() -> None:
    named = NAME.findall((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(named) > 10
