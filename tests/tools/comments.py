# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the comments of C, Python, shell and CMake files."""

import ast
import io
import re
import tokenize
from pathlib import PurePath
from typing import Callable, Iterable, Iterator, NamedTuple, Optional

C_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


class Block(NamedTuple):
    """A comment or docstring without its marks; @line is the number of its first line."""

    line: int
    text: str
    alone: bool = True  # no code stands before it on its line


def line_of(match: re.Match[str]) -> int:
    """The number of the line on which a match begins."""
    return match.string.count("\n", 0, match.start()) + 1


def c_code(text: str) -> str:
    """A C file with blanks for its comments and literals; each line keeps its number."""
    return C_TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def c_blocks(text: str) -> Iterator[Block]:
    """The comments of a C file."""
    for match in C_TOKEN.finditer(text):
        alone = not text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip()
        if match[0].startswith("/*"):
            marks = r"(?m)\A/\*+[ \t]*\n?|^[ \t]*\*(?!/)[ \t]?|\s*\*/\Z"
            inside = re.sub(marks, "", match[0])
            yield Block(line_of(match) + bool(re.match(r"/\*+[ \t]*\n", match[0])), inside, alone)
        elif match[0].startswith("//"):
            yield Block(line_of(match), match[0][2:].strip(), alone)


def hash_blocks(text: str) -> Iterator[Block]:
    """The comments of a shell or CMake file."""
    for number, line in enumerate(text.split("\n"), 1):
        if match := re.search(r"(?:^|\s)#(?!!)[ \t]*(.*)", line):
            yield Block(number, match[1], not line[:match.start()].strip())


def python_blocks(text: str) -> Iterator[Block]:
    """The comments and docstrings of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            alone = token.line.lstrip().startswith("#")
            yield Block(token.start[0], token.string.lstrip("# "), alone)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            if docstring := ast.get_docstring(node):
                yield Block(node.body[0].lineno, docstring)


def merged(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks without licence lines; those that stand alone on lines in a row become one."""
    last: Optional[Block] = None
    for block in blocks:
        if block.text.startswith("SPDX-License-Identifier:"):
            continue
        follows = last and block.line == last.line + last.text.count("\n") + 1
        if last and follows and block.alone and last.alone:
            last = last._replace(text=f"{last.text}\n{block.text}")
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


def reader(path: str, text: str) -> Optional[Callable[[str], Iterator[Block]]]:
    """The function that finds the comments of a file, or None."""
    first = text.partition("\n")[0]
    if path.endswith((".c", ".h")):
        return c_blocks
    if path.endswith(".py") or re.match(r"#!.*\bpython", first):
        return python_blocks
    if PurePath(path).name == "CMakeLists.txt" or path.endswith((".cmake", ".cmake.in")):
        return hash_blocks
    return hash_blocks if re.match(r"#!.*\b(ba)?sh\b", first) else None


def blocks(path: str, text: str) -> Iterator[Block]:
    """The comments of a file, none when it is of no known language."""
    function = reader(path, text)
    return merged(function(text)) if function else iter(())
