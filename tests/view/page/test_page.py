"""Pages as text: size, contents, what is refused; no browser is needed."""

import json
import re
from dataclasses import asdict

import pytest

import archlab
from archlab import files
from archlab.api.page.report import Report
from archlab.errors import OptionError, RunError
from archlab.result import si
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Outcome, Plan
from archlab.view import page as pages


@pytest.mark.parametrize(("model", "most"), [("resnet18", 400_000), ("resnet152", 1_500_000)])
def test_a_page_is_small(made, model, most) -> None:
    assert made(model).stat().st_size <= most


def test_a_page_names_nothing_that_is_fetched(made) -> None:
    text = made("googlenet").read_text()
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", text) == []
    assert "default-src 'none'" in text


def test_a_page_is_the_same_each_time() -> None:
    assert archlab.report("resnet8").html == archlab.report("resnet8").html


def test_numbers_and_words_of_a_page(made) -> None:
    text = made("resnet18").read_text()
    assert "11,689,512" in text  # torchvision's table
    assert "1,814,073,344 multiply-adds" in text
    assert "Every operator of the forward pass has a counting rule" in text
    assert "1 MAC = 1 multiply-add" in text
    assert "archlab.report(&#39;resnet18&#39;)" in text


def test_training_memory_where_one_sample_is_too_few(made) -> None:
    # Its auxiliary heads end in 1×1 maps with batch norm.
    text = made("googlenet", layout="cifar").read_text()
    assert "training memory, batch 2" in text
    assert "Training memory is that of batch 2" in text
    assert ">not available<" not in text
    assert "Every operator of the forward pass has a counting rule" in text


def test_a_row_of_blocks_says_how_many_it_counts(made) -> None:
    text = made("torchvision:vit_b_16").read_text()
    assert "encoder.layers.encoder_layer_0.mlp ×12" in text


def test_what_is_not_counted_is_said(nets) -> None:
    text = archlab.report(f"{nets}:Spectrum").html
    assert "Not every operator was counted" in text
    assert "<span>not known</span>" in text  # the bar of the Fourier transform


def test_a_stage_with_an_operator_that_is_not_counted_is_a_lower_bound(tmp_path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Block(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.steps = nn.ModuleList(nn.Linear(16, 16) for _ in range(5))\n"
        "    def forward(self, x):\n"
        "        for step in self.steps:\n"
        "            x = torch.fft.fft(step(x)).real\n"
        "        return x\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.mixed, self.fc = Block(), nn.Linear(16, 512)\n"
        "    def forward(self, x):\n"
        "        return self.fc(self.mixed(x))\n"
    )
    text = archlab.report(archlab.load(f"{tmp_path / 'net.py'}:Net", input="16")).html
    bars = text.partition('class="bars"')[2].partition("</table>")[0]
    assert f"<span>≥ {si(5 * 16 * 16)}</span>" in bars
    assert f"<span>{si(16 * 512)}</span>" in bars


def test_a_net_without_an_image_has_no_field(nets) -> None:
    text = archlab.report(f"{nets}:Recurrent").html
    assert "hardly a layer of this net has height and width" in text
    assert ">rf h<" not in text


@pytest.fixture
def sweep(tmp_path):
    """Plain nets that degrade and residual ones that do not, made up by hand."""
    errors = {
        ("plain", 20): 10.0,
        ("plain", 56): 30.0,
        ("residual", 20): 5.0,
        ("residual", 56): 4.0,
    }
    plans = []
    for (kind, depth), error in errors.items():
        for seed in (1, 2):
            plan = Plan(model=f"{kind}{depth}", options={}, seed=seed, recipe=RECIPES["demo"],
                        data="embedded", data_dir=".data", data_name="made up", fingerprint="0",
                        kind=kind, depth=depth)  # fmt: skip
            plans.append(plan)
            folder = tmp_path / plan.name
            record.write_plan(folder, plan)
            value = error + seed / 10
            lines = [Measurement(step, 1.0, 0.1, 0.5, value, value, value + 1, 0.7, 2000, 1.5)
                     for step in (100, 200)]  # fmt: skip
            record.write_metrics(folder, lines)
            end = Outcome("done", 200, 200, value, value, value + 1, 12.0, "2 cores", "torch 0")
            files.write_json(folder / record.DONE, asdict(end))
    ledger.write_sweep(tmp_path, plans)
    return tmp_path


def test_a_sweep_has_its_verdict_curves_and_runs(sweep) -> None:
    found = archlab.report(sweep)
    text = found.html
    assert found.title == "Does depth help? made up"
    assert "degradation reproduced and removed by shortcuts" in text
    assert "+20.00 points" in text  # 30 − 10 in both seeds
    assert "-1.00 points" in text
    assert text.count('<tr><th scope="row">') == 8
    assert "plain-56 seed 2" in text
    assert 'class="plot" role="img" aria-label="Training and test error' in text
    assert "8 runs, 12 seconds each" in text
    assert "archlab.report(&#39;" in text
    assert "105%" in text  # 21 of 20 points are removed
    assert "Test error beside published values" not in text  # made up images


def test_a_sweep_on_cifar10_has_the_published_values(sweep) -> None:
    for folder in sweep.glob("residual-20-*"):
        plan = json.loads((folder / record.PLAN).read_text())
        plan |= {"data": "cifar10", "data_name": "CIFAR-10"}
        plan["recipe"]["widths"] = [16, 32, 64]
        files.write_json(folder / record.PLAN, plan)
    text = archlab.report(sweep).html
    assert "Test error beside published values" in text
    assert "8.75" in text  # He et al. 2015, table 6
    assert text.count("difference: from the paper") == 1  # in the section's words alone
    assert "not expected to reach them" in text


def test_a_run_that_did_not_end_is_named(sweep) -> None:
    folder = next(path for path in sweep.iterdir() if path.name.startswith("plain-56-seed2"))
    end = Outcome("failed", 100, 200, why="the loss is not finite")
    files.write_json(folder / record.DONE, asdict(end))
    text = archlab.report(str(sweep)).html
    assert "Not finished" in text
    assert "the loss is not finite" in text


def test_one_run(sweep) -> None:
    folder = next(path for path in sweep.iterdir() if path.name.startswith("plain-20-seed1"))
    found = archlab.report(folder)
    assert found.title == "plain20 on made up"
    assert "10.10 %" in found.html
    (folder / record.METRICS).unlink()
    assert "metrics.csv in its folder is missing or empty" in archlab.report(folder).html


def test_what_is_refused(sweep, tmp_path) -> None:
    with pytest.raises(OptionError, match="Nothing to report on"):
        archlab.report()
    with pytest.raises(OptionError, match="a report of its own"):
        archlab.report("resnet8", sweep)
    with pytest.raises(OptionError, match="nothing is measured for a folder of runs"):
        archlab.report(sweep, gradients=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="neither sweep"):
        archlab.report(tmp_path / "empty")
    with pytest.raises(OptionError, match=r"Allowed: \.html"):
        Report("x", "<p>").save(tmp_path / "x.svg")
    assert not (tmp_path / "x.svg").exists()


def test_a_folder_named_like_a_model_is_no_sweep(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet8").mkdir()
    assert archlab.report("resnet8").title == "resnet8"


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    shown = Report("a", '<p title="x">1 & 2</p>')._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;p title=&quot;x&quot;&gt;1 &amp; 2&lt;/p&gt;"')
    assert repr(Report("a", "x" * 2000)) == "Report('a', 2 kB)"


def test_scripts_are_part_of_the_package() -> None:
    for name in pages.SCRIPTS:
        assert "</script" not in pages._asset(name)
