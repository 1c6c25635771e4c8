"""What every tensor of a graph sees of the image: a field an axis, a layout, a rule a kind."""

from archlab.analyze.field.sight.rules import image_axes, other_images, sights
from archlab.analyze.field.sight.sight import Misalignment, Sight

__all__ = ["Misalignment", "Sight", "image_axes", "other_images", "sights"]
