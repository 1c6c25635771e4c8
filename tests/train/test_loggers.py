"""Lightning loggers by import path, and paths that name none."""

import pytest
from pytorch_lightning.loggers import CSVLogger

from archlab.errors import DependencyError, OptionError
from archlab.train.loggers import logger

CSV = "pytorch_lightning.loggers.CSVLogger"


def test_a_logger_writes_into_the_folder_of_the_run(tmp_path) -> None:
    made = logger(CSV, tmp_path, {"name": "mine"})
    assert isinstance(made, CSVLogger)
    assert made.save_dir == str(tmp_path)
    assert logger(CSV, tmp_path, {"save_dir": "elsewhere"}).save_dir == "elsewhere"


@pytest.mark.parametrize(
    ("path", "arguments", "kind", "message"),
    [
        ("no.such.Logger", {}, DependencyError, "cannot be imported"),
        ("csv.DictReader", {}, OptionError, "is no Lightning logger"),
        ("DictReader", {}, OptionError, "is no Lightning logger"),
        (CSV, {"nmae": "x"}, OptionError, "Its arguments are logger_set key=value"),
    ],
)
def test_paths_that_name_no_logger(tmp_path, path, arguments, kind, message) -> None:
    with pytest.raises(kind, match=message):
        logger(path, tmp_path, arguments)
