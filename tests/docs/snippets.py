"""The snippets of a documentation page: found by their fences, run in order in one folder.

With ARCHLAB_ACCEPT=1 (`nox -s golden`) what comes out is written into the page instead of compared.

| fence | what the test does with it |
|---|---|
| `console` | runs each line after `$`; what stands below must come out, `…` is any lines |
| `console example` | the same, on a page whose other blocks are run elsewhere |
| `console train` | in a test of its own, with recipes cut to a few steps; nothing is compared |
| `console long` | takes minutes, or CIFAR: a test goes as far as the images, which are not there |
| `console gpu` | in a test of its own, on a GPU; nothing is compared |
| `bash` | runs each line that starts with archlab or python |
| `python` | runs it; where it holds `>>>`, as a doctest. A page shares its names |
| `LANGUAGE FILE` | writes the file |
| `diff FILE` | on a page that adds something to archlab: edits the file, in a copy of the tree |
"""

from __future__ import annotations

import contextlib
import doctest
import glob
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from archlab.cli import main
from archlab.tracer import overloads

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
GAP = "…"
NUMBER = re.compile(r"\d+\.?\d*(?:e[+-]?\d+)?")
# Measured in float32: their last digits depend on the processor and on the version of torch.
MEASURED = {"gradients": 0.02, "identity": 0.02}
PROGRAMS = ("archlab", "python", "cut")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the word after it, its text and where it starts."""

    language: str
    word: str
    text: str
    line: int


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """What a terminal would show; "wrote …" stands below the answer."""
        return (self.out + self.err).rstrip("\n")


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text()
    return [
        Block(found[1], found[2] or "", found[3], text[: found.start()].count("\n") + 2)
        for found in FENCE.finditer(text)
    ]


def commands(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what is shown below it."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    joined = [part.replace("\\\n", " ") for part in parts]
    return [
        (line, rest.rstrip("\n")) for line, _, rest in (part.partition("\n") for part in joined)
    ]


def matches(shown: str, given: str, tolerance: float = 0.0) -> bool:
    """Tell whether an output is what the page shows; trailing blanks do not matter.

    With a tolerance numbers may differ by that share, and columns be as wide as they need.
    """
    number = NUMBER if tolerance else re.compile("(?!)")
    wanted = [line.rstrip() for line in shown.splitlines()]
    pattern = "".join(
        r"(?:.*\n)*" if line == GAP else f"{_line_pattern(line, number)}\n" for line in wanted
    )
    found = re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in given.splitlines()))
    if found is None:
        return False
    expected = [item for line in wanted if line != GAP for item in number.findall(line)]
    pairs = zip(map(float, expected), map(float, found.groups()), strict=True)
    return all(abs(a - b) <= tolerance * abs(a) for a, b in pairs)


def _line_pattern(line: str, number: re.Pattern[str]) -> str:
    texts = [re.escape(text) for text in number.split(line)]
    if number.pattern != "(?!)":
        texts = [re.sub(r"(?:\\ |─)+", lambda _: r"[ ─]+", text) for text in texts]
    return f"({NUMBER.pattern})".join(texts)


def write_files(page: Path, tree: Path) -> None:
    """Write the files of a page into a tree, and edit those that its `diff` blocks name."""
    for block in blocks(page):
        if block.word and block.language != "console":
            path = tree / block.word
            if block.language == "diff":
                path.write_text(_edited(path.read_text(), block))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)


def _edited(text: str, block: Block) -> str:
    """Apply a diff without line numbers: what surrounds a change must be there, and just once."""
    for hunk in re.split(r"^@@\n", block.text, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
        after = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
        assert text.count(before) == 1, f"{block.word} does not hold these lines once:\n{before}"
        text = text.replace(before, after)
    return text


def run(line: str) -> Ran:
    """Run a command line in this process, as a shell in the current folder would."""
    words = [item for word in shlex.split(line, comments=True) for item in _expanded(word)]
    if words[0] not in ("archlab", "python"):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)
    overloads.operator.cache_clear()  # in a shell every command starts with an empty memory
    code: Any = 0
    with (
        contextlib.redirect_stdout(_written()) as out,
        contextlib.redirect_stderr(_written()) as err,
        mock.patch.object(sys, "argv", list(words)),
        mock.patch.object(sys, "path", list(sys.path)),
    ):
        try:
            if words[0] == "archlab":
                main()
            else:
                sys.argv = words[1:]
                runpy.run_path(words[1], run_name="__main__")
        except SystemExit as stopped:
            code = stopped.code or 0
    return Ran(int(code), out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


def _written() -> io.TextIOWrapper[io.BytesIO]:
    """A file for text, whose `buffer` takes the bytes of a picture."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _expanded(word: str) -> list[str]:
    """What a shell makes of a word with a star; a word that fits no file stays."""
    return (sorted(glob.glob(word)) if "*" in word else []) or [word]


def run_python(block: Block, names: dict[str, Any], page: Path) -> None:
    """Run a Python block with the page's names; `>>>` lines must print what is below them."""
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    report = io.StringIO()
    failed = doctest.DocTestRunner(verbose=False, optionflags=flags).run(
        test, out=report.write, clear_globs=False
    )
    names.update(test.globs)
    assert not failed.failed, report.getvalue()


def run_page(page: Path, only: str = "") -> None:
    """Run a page's snippets in the current folder, in their order.

    Args:
        page: the Markdown file.
        only: runs the console blocks of that word and nothing else; what comes out is not
            compared, but for `example`. Otherwise all that have no word.
    """
    names: dict[str, Any] = {"__name__": "snippet"}
    seen: Counter[str] = Counter()
    for block in blocks(page):
        if block.language == "console":
            if block.word == only:
                _run_console(block, page, seen, compared=only in ("", "example"))
        elif only or block.language == "diff":
            continue
        elif block.word:
            Path(block.word).write_text(block.text)
        elif block.language == "python":
            run_python(block, names, page)
        elif block.language == "bash":
            _run_bash(block, page)


def _run_bash(block: Block, page: Path) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith(PROGRAMS) and " -m " not in line:
            ran = run(line)
            assert ran.code == 0, f"{page.name}:{block.line}: {line}\n{ran.err}"


def _run_console(block: Block, page: Path, seen: Counter[str], *, compared: bool) -> None:
    last, where = 0, f"{page.relative_to(ROOT)}:{block.line}"
    for line, shown in commands(block):
        if line == "echo $?":
            assert str(last) == shown, f"{where}: exit code {last}, and the page says {shown}"
            last = 0
            continue
        assert last == 0, f"{where}: exit code {last} before {line}; show it with echo $?"
        if not line.startswith(PROGRAMS):
            continue
        ran = run(line)
        last = ran.code
        seen[line] += 1
        tolerance = MEASURED.get(line.split()[1], 0.0)
        if compared and not matches(shown, ran.text, tolerance):
            if os.environ.get("ARCHLAB_ACCEPT"):
                _accept(page, line, seen[line], ran.text)
                continue
            raise AssertionError(f"{where}: {line} gives\n{ran.text}\nand the page says\n{shown}")
    assert last == 0, f"{where}: the last command ends with {last}; show it with echo $?"


def _accept(page: Path, line: str, nth: int, given: str) -> None:
    """Write what came out below the nth such command; look at it, and cut it with …."""
    before, *rest = page.read_text().split(f"$ {line}\n")
    after = re.split(r"^(?=\$ |```)", rest[nth - 1], maxsplit=1, flags=re.MULTILINE)
    lines = "".join(f"{line.rstrip()}\n" for line in given.splitlines())
    rest[nth - 1] = lines + after[-1]
    page.write_text(f"$ {line}\n".join([before, *rest]))
