"""Commands that train nets, and read what was trained."""
