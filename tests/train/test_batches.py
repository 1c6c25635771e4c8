"""The resident loader: what a batch holds, how ranks share it, where an epoch ends."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from archlab.errors import OptionError
from archlab.train.batches import Augment, Normalizer, ResidentLoader, whole_batches

COUNT, SIZE = 23, 6
PIXELS = torch.arange(COUNT * 2 * SIZE * SIZE).remainder(251).byte().view(COUNT, 2, SIZE, SIZE)
LABELS = torch.arange(COUNT)  # a label names its image


def loader(**changes) -> ResidentLoader:
    how = {"batch_size": 4, "seed": 3, "augment": Augment(2, flip=True), **changes}
    return ResidentLoader(PIXELS, LABELS, Normalizer(PIXELS, how.pop("center", "channel")), **how)


def test_an_epoch_holds_every_image_once_and_the_next_another_order() -> None:
    source = loader()
    epochs = [[labels.tolist() for _, labels in source] for _ in range(3)]
    assert len(source) == 6  # ⌈23 / 4⌉
    assert [len(batch) for batch in epochs[0]] == [4, 4, 4, 4, 4, 3]
    orders = [list(itertools.chain(*epoch)) for epoch in epochs]
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("stop", range(13))
def test_a_loader_goes_on_where_another_was(stop) -> None:
    """Through two epoch ends; the consumer never asks again after an epoch's last batch."""

    def batches(source, count):
        taken = []
        while len(taken) < count:
            for images, labels in source:
                taken.append((images, labels))
                if len(taken) == count or len(labels) == 3:  # as Lightning: no further next()
                    break
        return taken

    straight = batches(loader(), 14)
    first = loader()
    begun = batches(first, stop)
    second = loader()
    second.load_state_dict(first.state_dict())
    both = begun + batches(second, 14 - stop)
    for (one, label), (other, same) in zip(straight, both, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(label, same)


@pytest.mark.parametrize("world", [2, 3, 4])
def test_ranks_share_the_batch_of_one(world) -> None:
    whole = list(loader())
    shares = [list(loader().shard(rank, world)) for rank in range(world)]
    for step, (images, labels) in enumerate(whole):
        parts = [share[step] for share in shares]
        kept = len(labels) - len(labels) % world  # the rest of a short batch is lost
        sizes = {len(part[1]) for part in parts}
        assert sizes == {kept // world}
        together = torch.stack([part[1] for part in parts], 1).flatten()
        assert torch.equal(together, labels[:kept])
        pixels = torch.stack([part[0] for part in parts], 1).flatten(0, 1)
        assert torch.equal(pixels, images[:kept])


@pytest.mark.parametrize("center", ["channel", "pixel"])
def test_a_batch_is_cropped_flipped_and_centred_as_by_hand(center) -> None:
    source = loader(center=center)
    normal = source.normalizer
    images, labels = source.batch(5, 1)
    top, left, mirrored = source._moves(5, 1)
    assert mirrored.any()
    assert not mirrored.all()
    for i, label in enumerate(labels.tolist()):
        if center == "pixel":  # He et al.: subtract the mean image, then pad with zeros
            ready = functional.pad(PIXELS[label].float() - PIXELS.float().mean(0), (2,) * 4) / 255
        else:  # pad with black pixels, then normalise
            spread = PIXELS.float().transpose(0, 1).flatten(1).std(1, unbiased=False)
            mean = PIXELS.float().transpose(0, 1).flatten(1).mean(1)
            padded = functional.pad(PIXELS[label].float(), (2,) * 4)
            ready = (padded - mean[:, None, None]) / spread[:, None, None]
        y, x = int(top[i]), int(left[i])
        crop = ready[:, y : y + SIZE, x : x + SIZE]
        expected = crop.flip(-1) if mirrored[i] else crop
        torch.testing.assert_close(images[i], expected, rtol=1e-4, atol=1e-5)
    assert normal.center == center


def test_a_square_is_cut_out_at_a_random_place() -> None:
    """Its middle is anywhere in the image, so that borders clip it; what is cut is the mean."""
    plain, cut = loader(), loader(augment=Augment(2, flip=True, cutout=3))
    middles = set()
    for step in range(len(plain)):
        (whole, labels), (images, same) = plain.batch(2, step), cut.batch(2, step)
        assert torch.equal(labels, same)  # the other draws are as they were
        *_, middle_row, middle_column = cut._moves(2, step)
        for i in range(len(labels)):
            y, x = int(middle_row[i]), int(middle_column[i])
            middles.add((y, x))
            expected = whole[i].clone()
            expected[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 0.0
            assert torch.equal(images[i], expected)
    assert {0, SIZE - 1} <= {y for y, _ in middles}


def test_no_square_is_as_large_as_the_image() -> None:
    with pytest.raises(OptionError, match="cutout 6 would cut out the whole image of 6x6 pixels"):
        loader(augment=Augment(cutout=6))


def test_without_augmentation_images_stay_whole() -> None:
    source = loader(augment=None)
    images, labels = source.batch(0, 0)
    assert torch.allclose(images, source.normalizer(PIXELS[labels]), atol=1e-6)


def test_the_global_random_stream_is_not_used() -> None:
    torch.manual_seed(0)
    one = next(iter(loader()))[0]
    before = torch.get_rng_state()
    torch.manual_seed(99)
    other = next(iter(loader()))[0]
    assert torch.equal(one, other)
    torch.manual_seed(0)
    assert torch.equal(before, torch.get_rng_state())


def test_statistics_are_those_of_the_pixels() -> None:
    normal = Normalizer(PIXELS, "channel")
    pixels = PIXELS.numpy().astype(np.float64)
    assert normal.mean.flatten().tolist() == pytest.approx(pixels.mean(axis=(0, 2, 3)))
    assert normal.spread.flatten().tolist() == pytest.approx(pixels.std(axis=(0, 2, 3)))


def test_evaluation_sees_every_image_in_order() -> None:
    parts = list(whole_batches(PIXELS, LABELS, Normalizer(PIXELS, "channel"), 10))
    assert [len(labels) for _, labels in parts] == [10, 10, 3]
    assert torch.equal(torch.cat([labels for _, labels in parts]), LABELS)
