"""From a live module to a frozen Graph: one forward, observed at the level of aten operators."""

from archlab.tracer.chain import Subject, trace

__all__ = ["Subject", "trace"]
