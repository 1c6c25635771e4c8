"""A drawing is data: print its groups, then write it as a picture, warm where the work is.

python examples/07_draw.py [PICTURE]
"""

import sys

import archlab

picture = archlab.render("resnet56", color_by="macs", boxes=24)
for group in picture.drawing.groups:
    if group.times > 1:
        print(f"{group.path:9} ×{group.times}  {group.amounts.params:>8,} parameters in all")
if len(sys.argv) > 1:
    picture.save(sys.argv[1])
