"""`python -m archlab`."""

from archlab.cli import main

main()
