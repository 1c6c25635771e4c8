"""`archlab report`: a page in a file, on standard output, and what is refused before the work."""

import pytest


def test_a_page_is_written(cli, tmp_path) -> None:
    run = cli("report resnet8 --out page.html")
    assert (run.code, run.out) == (0, "")
    assert run.err.startswith("wrote page.html (")
    text = (tmp_path / "page.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "<dd>archlab report resnet8 --out page.html</dd>" in text


def test_without_a_name_it_is_report_html(cli, tmp_path) -> None:
    assert cli("report nets.py:Net --input 3x8x8").code == 0
    assert (tmp_path / "report.html").is_file()


def test_standard_output(cli) -> None:
    run = cli("report resnet8 --out -")
    assert run.out.startswith("<!doctype html>")
    assert run.err == ""


def test_options_hold_for_every_model(cli, tmp_path) -> None:
    assert cli("report resnet8 plain8 --batch 4 --set num_classes=7 -o two.html").code == 0
    text = (tmp_path / "two.html").read_text()
    assert text.count("input 4×3×32×32 float32") == 2
    assert "nputs differ" not in text


def test_a_folder_of_runs_gives_its_own_error(cli, tmp_path) -> None:
    (tmp_path / "runs").mkdir()
    run = cli("report ./runs")
    assert run.code == 2
    assert "neither sweep.json nor run.json" in run.err
    run = cli("report ./runs resnet8")
    assert run.code == 2
    assert "a report of its own" in run.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("report resnet8 --out page.svg", "Allowed: .html, .htm"),
        ("report resnet8 --out nowhere/page.html", "no folder nowhere"),
        ("report resnt18 --out page.html", "resnet18"),
        ("report nets.py:Raises --input 3x8x8 --out page.html", "forward"),
        ("report resnet8 --input 3x8 --out page.html", "input"),
        ("report --out page.html", "Missing argument"),
    ],
)
def test_bad_input_is_one_message_and_no_file(cli, tmp_path, line, said) -> None:
    run = cli(line)
    assert run.code == 2
    assert said in run.err
    assert "Traceback" not in run.err
    assert not list(tmp_path.glob("*.html"))
