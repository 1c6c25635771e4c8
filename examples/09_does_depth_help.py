"""Does depth help? Plain and residual nets of two depths, trained side by side; a verdict.

    python examples/09_does_depth_help.py [EPOCHS]

20 epochs of the demo, one seed: about two minutes on two cores, offline.
"""

import sys

import archlab
from archlab.runs.recipe import recipe

if __name__ == "__main__":  # every run is a process of its own
    demo = recipe("demo", None, {"epochs": float(sys.argv[1])} if sys.argv[1:] else {})
    result = archlab.degradation(depths=(20, 56), seeds=1, recipe=demo, out="runs/two-depths")
    print(result.totals.outcome)
    print(f"deeper and plain:    {result.totals.plain_gap:+.2f} points of training error")
    print(f"deeper and residual: {result.totals.residual_gap:+.2f} points")
