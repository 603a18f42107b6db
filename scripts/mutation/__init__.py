"""Mistakes made on purpose, to see that the tests are awake."""
