"""Files of torch.save: tensors are read, code is not run, and torch's advice is not passed on."""

import os
import pickle

import pytest
import torch

from archlab.resolve.saved import SavedError, read_saved


class Payload:
    def __init__(self, function=print, *arguments):
        self.call = function, arguments or ("it ran",)

    def __reduce__(self):
        return self.call


def test_tensors_and_plain_values(tmp_path) -> None:
    torch.save({"weight": torch.ones(2), "step": 3}, tmp_path / "a.pt")
    content = read_saved(tmp_path / "a.pt")
    assert content["step"] == 3
    assert content["weight"].tolist() == [1.0, 1.0]


def plain_pickle(content, path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize(("save", "unsafe"), [(torch.save, True), (plain_pickle, False)])
def test_objects_are_refused(tmp_path, capsys, save, unsafe) -> None:
    save({"model": Payload()}, tmp_path / "a.pt")
    with pytest.raises(SavedError) as caught:
        read_saved(tmp_path / "a.pt")
    assert caught.value.unsafe == unsafe
    assert "weights_only" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"PK\x03\x04", bytes(100)])
def test_other_files(tmp_path, content) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(SavedError) as caught:
        read_saved(tmp_path / "a.pt")
    assert not caught.value.unsafe
    assert "eights" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "argument"), [(os.system, "touch ran"), (exec, "open('ran', 'w')"), (open, "ran")]
)
def test_what_would_run_is_said_to(tmp_path, monkeypatch, function, argument) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Payload(function, argument)}, tmp_path / "a.ckpt")
    with pytest.raises(SavedError, match="to load them could run code"):
        read_saved(tmp_path / "a.ckpt")
    assert not (tmp_path / "ran").exists()
