"""Commands that draw and describe a model."""
