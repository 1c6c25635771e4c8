"""The verbs of scale: what is checked before any model is built, and which rows come out."""

import pytest

import archlab
from archlab.api.scale.scan import marks
from archlab.errors import OptionError, SpecError
from archlab.survey.result import scan_result
from archlab.survey.row import ScanRow

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.mark.parametrize(
    ("models", "keywords", "message"),
    [
        ((), {}, "Nothing to scan: give models"),
        (("resnet20",), {"convention": "fvcor"}, "Did you mean fvcore"),
        (("resnet20",), {"optimizer": "adamw"}, "optimizer='adamw' is unknown"),
        (("resnet20",), {"where": "mac < 1"}, "Did you mean macs"),
    ],
)
def test_a_mistake_is_one_message_and_not_one_a_model(models, keywords, message) -> None:
    with pytest.raises(OptionError, match=message):
        archlab.scan(*models, **keywords)


def test_a_condition_chooses_rows_and_a_failure_is_one() -> None:
    answer = archlab.scan("resnet20", "resnet56", "resnet20", "resnet19")
    assert [row.model for row in answer.rows] == ["resnet20", "resnet56", "resnet19"]
    assert answer.totals.failed == 1
    deep = archlab.scan("resnet20", "resnet56", where="depth > 20")
    assert [row.model for row in deep.rows] == ["resnet56"]


def test_a_published_number_is_compared_at_its_own_size(tmp_path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("model,img_size,param_count,gmacs\nzoo:resnet20,16,0.27,0.01\n")
    answer = archlab.agreement(table)
    # He's net has 0.041 G multiply-adds at 32×32; at half the side, a quarter.
    assert [(row.model, row.size, row.differs) for row in answer.rows] == [("zoo:resnet20", 16, "")]
    with pytest.raises(SpecError, match="no model that matches timm:"):
        archlab.agreement(table, "timm:*")


def test_a_picture_needs_a_row_with_numbers() -> None:
    with pytest.raises(OptionError, match="no row has parameters and MACs"):
        archlab.plot_scan(archlab.scan("resnet19"))


def row(model: str, params: int = 10, macs: int = 100) -> ScanRow:
    return ScanRow(model=model, params=params, macs=macs)


def test_marks_are_names_with_or_without_their_source() -> None:
    known = ["timm:resnet50", "torchvision:resnet50", "vgg16"]
    assert marks("resnet50", known) == {"timm:resnet50", "torchvision:resnet50"}
    assert marks(["timm:resnet50", "vgg16"], known) == {"timm:resnet50", "vgg16"}
    assert marks((), known) == frozenset()
    with pytest.raises(
        OptionError, match=r"mark='resnet51': no such model .*Did you mean resnet50"
    ):
        marks("resnet51", known)


def test_models_for_timms_own_tests_are_left_out_unless_they_are_marked() -> None:
    answer = scan_result([row("resnet20"), row("timm:test_vit"), row("timm:test_resnet")])
    assert len(answer.rows) == 3
    text = archlab.plot_scan(answer).svg
    assert "without 2 test_ models, which timm has for its own tests" in text
    assert "What 1 model costs" in text
    text = archlab.plot_scan(answer, mark="test_vit").svg
    assert "without 1 test_ model," in text
    assert ">test_vit<" in text
