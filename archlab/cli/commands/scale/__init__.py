"""Commands about many models at a time."""
