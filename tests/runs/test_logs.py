"""Lightning's logs as series: a CSV made by hand, TensorBoard's own writer, and what is neither."""

import pytest

from archlab.errors import RunError
from archlab.runs.logs import read_logs


def test_a_quantity_has_the_steps_at_which_it_was_logged(tmp_path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "epoch,step,train_loss,val_loss\n0,9,2.0,\n0,9,,1.5\n1,19,1.25,\n,,7.0,\n"
    )
    series = read_logs(tmp_path)
    # The last line has no step: a number that was logged outside training.
    assert series == {"train_loss": ([9.0, 19.0], [2.0, 1.25]), "val_loss": ([9.0], [1.5])}


def test_tensorboard_events(tmp_path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path) as writer:
        writer.add_scalar("train_loss", 2.5, 3)
        writer.add_scalar("train_loss", 0.5, 7)
    assert read_logs(tmp_path) == {"train_loss": ([3.0, 7.0], [2.5, 0.5])}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.txt", "", r"holds no logs: .*it holds: other\.txt"),
        ("metrics.csv", "epoch,step\n0,9\n", "a log without a single number"),
        ("metrics.csv", "step,loss\n1,low\n", "is damaged: could not convert"),
    ],
)
def test_what_holds_no_logs(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RunError, match=message):
        read_logs(tmp_path)
    with pytest.raises(RunError, match="There is no folder"):
        read_logs(tmp_path / "nowhere")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path) -> None:
    """Excel writes one in front of a CSV file."""
    (tmp_path / "metrics.csv").write_text("\ufeffepoch,loss\n0,2.0\n1,1.5\n", encoding="utf-8")
    assert read_logs(tmp_path) == {"loss": ([0.0, 1.0], [2.0, 1.5])}


def test_a_log_without_steps_names_its_columns(tmp_path) -> None:
    (tmp_path / "metrics.csv").write_text("time,loss\n0,2.0\n")
    with pytest.raises(RunError, match=r"no column `step` or `epoch`.*It has time, loss"):
        read_logs(tmp_path)
