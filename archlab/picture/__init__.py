"""A graph as a picture: its look, the numbers on it, how it is shown and saved. No Model here."""
