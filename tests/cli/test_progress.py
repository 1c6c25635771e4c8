"""The one progress display: a bar on a terminal, elsewhere nothing, or a line now and then."""

import sys

from archlab.cli import progress
from archlab.cli.progress import progress_shown


def test_a_bar_is_drawn_only_on_a_terminal(capsys, monkeypatch) -> None:
    with progress_shown() as show:
        assert show is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_shown() as show:
        assert show is not None
        show(1, 6, "resnet8, seed 1")
    capsys.readouterr()


def test_where_nobody_watches_a_line_every_30_seconds(capsys, monkeypatch) -> None:
    seconds = iter([0, 10, 20, 45, 60, 61])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    with progress_shown(lines=True) as show:
        for done in (10, 20, 30, 100, 100):  # the run was begun before: 10 of 100 are done
            show(done, 100, f"step {done}")
    assert capsys.readouterr().err.splitlines() == [
        " 10 % · 0:10 · step 10",
        " 30 % · 0:45, 2:38 left · step 30",  # 20 in 45 seconds, 70 are left
        "100 % · 1:00 · step 100",  # once
    ]
