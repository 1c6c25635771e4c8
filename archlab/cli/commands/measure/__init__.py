"""Commands that count and measure a model."""
