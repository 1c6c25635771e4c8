"""Images are looked for where their readers look."""

import shlex

from archlab.doctor import machine


def test_images_are_found_where_the_readers_look(tmp_path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    rows = {item.name: item for item in machine.images(tmp_path)}
    assert rows["cifar10"].state == "ok"
    assert rows["cifar100"].state == "missing"
    assert "archlab.ImageData('cifar100'" in shlex.split(rows["cifar100"].get)[-1]
    assert rows["embedded"].state == "ok"
