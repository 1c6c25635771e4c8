"""The verb `report`: a page about a model, several models, or runs."""
