"""Runs as in tests/train, on the GPU; torch's switches and random streams come back."""

from collections.abc import Iterator

import pytest
import torch

from tests.train.conftest import images, largest_difference, planned, source, weights

__all__ = ["images", "largest_difference", "planned", "source", "weights"]


@pytest.fixture(autouse=True)
def _as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("gpu") is None:
        yield
        return
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic
    with torch.random.fork_rng():
        yield
    torch.use_deterministic_algorithms(before[0])
    cudnn.benchmark, cudnn.deterministic = before[1:]
    torch.cuda.set_sync_debug_mode("default")
    torch.cuda.empty_cache()
