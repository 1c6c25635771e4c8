"""How much of the image a layer can see: a hand formula, archlab, and a picture.

python examples/06_receptive_field.py [PICTURE]
"""

import sys

import archlab

for n in (3, 9, 18):  # units a stage: 3×3 convolutions at jumps 1, 2 and 4
    by_hand = (3 + 4 * n) + (8 * n - 2) + (16 * n - 4)
    seen = archlab.receptive_field(f"resnet{6 * n + 2}").totals.rf_h
    assert seen == by_hand
    print(f"resnet{6 * n + 2}: the last layer sees {seen} rows of a 32-row image")

if len(sys.argv) > 1:
    archlab.plot_receptive_field("resnet20", "resnet56").save(sys.argv[1])
