"""The verb `report`: what it refuses, and a page that shows and saves itself."""

import pytest

import archlab
from archlab import Report
from archlab.errors import OptionError
from archlab.runs.record import PLAN


def test_a_report_is_saved_as_a_page_alone(tmp_path) -> None:
    page = Report("a net", "<!doctype html><p>ü</p>")
    assert page.save(tmp_path / "page.HTM").read_text() == page.html
    with pytest.raises(OptionError, match=r"a report is a page. Allowed: .html, .htm"):
        page.save(tmp_path / "page.pdf")


def test_a_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    frame = Report("a net", '<p class="a">1 < 2</p>')._repr_html_()
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;1 &lt; 2&lt;/p&gt;"' in frame


@pytest.mark.parametrize(
    ("subjects", "gradients", "message"),
    [
        ((), False, "Nothing to report on"),
        (("runs", "plain8"), False, "runs is a folder of runs: it has a report of its own"),
        (("runs",), True, "gradients: nothing is measured for a folder of runs"),
    ],
)
def test_what_is_not_allowed_is_refused(
    tmp_path, monkeypatch, subjects, gradients, message
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / PLAN).touch()
    with pytest.raises(OptionError, match=message):
        archlab.report(*subjects, gradients=gradients)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gradients": "yes"}, "gradients='yes': True or False is wanted"),
        ({"command": 3}, "command=3: a text is wanted"),
        ({"progress": 3}, "progress=3: a function is wanted"),
    ],
)
def test_values_of_a_wrong_type_are_refused(values, message) -> None:
    with pytest.raises(OptionError, match=message):
        archlab.report("plain8", **values)


def test_a_report_is_saved_by_a_name() -> None:
    with pytest.raises(OptionError, match="path=None: the name of a file is wanted"):
        Report("a net", "").save(None)
