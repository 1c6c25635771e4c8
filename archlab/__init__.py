"""archlab: understand a neural network's architecture.

What it costs, what it sees, how its gradients flow, what it looks like, and whether its depth
helps. The public names are those of `__init__.pyi`; each is imported when it is first used, so that
`import archlab` imports no torch.

    >>> import archlab
    >>> archlab.params("resnet20").totals.params
    269722
"""

import lazy_loader

from archlab.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
