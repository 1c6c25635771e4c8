"""Commands that say what there is: models, and the installation."""
