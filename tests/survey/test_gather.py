"""Only what a file lacks is measured; what killed writers left goes; progress counts models."""

import pytest

from archlab.engine import Outcome
from archlab.errors import OptionError, spelled
from archlab.survey import gather as gathering, store
from archlab.survey.gather import ScanSettings, gather
from archlab.survey.row import Request, ScanRow


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Measure nothing: a model has one parameter, `bad` an error. Returns what was asked for."""
    asked: list[str] = []

    def run(jobs, *_: object, **__: object):
        for job in jobs:
            (request,) = job.arguments
            asked.append(request.model)
            failed = request.model == "bad"
            yield Outcome(job.key, None if failed else {"model": request.model, "params": 1},
                          "timeout: no answer" if failed else "", 0.5)  # fmt: skip

    monkeypatch.setattr(gathering, "run", run)
    return asked


def requests(*models: str) -> list[Request]:
    return [Request(model=model) for model in models]


def test_only_what_is_lacking_is_measured(tmp_path, measured) -> None:
    out, calls = tmp_path / "zoo.csv", []
    store.save(out, [ScanRow(model="a", params=7)])
    (tmp_path / ".zoo.csv.1.partial").touch()  # of a writer that was killed
    settings = ScanSettings(progress=lambda *call: calls.append(call))
    rows = gather(requests("a", "b", "bad", "c.py:Net"), out, settings)
    assert [row.params for row in rows] == [7, 1, None, 1]
    assert measured == ["b", "bad", "c.py:Net"]
    assert calls == [(1, 3, "b"), (2, 3, "bad"), (3, 3, "c.py:Net")]
    assert [path.name for path in tmp_path.iterdir()] == ["zoo.csv"]
    measured.clear()
    gather(requests("a", "bad", "c.py:Net"), out, ScanSettings())
    assert measured == ["c.py:Net"], "a file of yours may have changed"
    measured.clear()
    gather(requests("a", "bad"), out, ScanSettings(retry=True))
    assert measured == ["bad"]


def test_rows_of_an_interrupted_scan_are_kept(tmp_path, measured) -> None:
    out = tmp_path / "zoo.csv"
    with store.Journal(out) as journal:
        journal.append(ScanRow(model="b", params=5))
    rows = gather(requests("a", "b"), out, ScanSettings())
    assert [row.params for row in rows] == [1, 5]
    assert measured == ["a"]
    assert store.read(out) == [rows[0], rows[1]] or store.read(out) == [rows[1], rows[0]]


def test_without_a_file_everything_is_measured(measured) -> None:
    assert [row.model for row in gather(requests("b", "a", "b"), None, ScanSettings())] == [
        "b",
        "a",
        "b",
    ]
    assert sorted(measured) == ["a", "b", "b"]


def test_too_little_memory() -> None:
    with pytest.raises(OptionError, match=r"memory 1\.00 KiB: a worker"):
        ScanSettings(memory=1024)
    with spelled(lambda name: f"--{name}"), pytest.raises(OptionError, match=r"--memory 1\.00 KiB"):
        ScanSettings(memory=1024)
