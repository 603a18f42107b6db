"""What can be wrong on a gate, part by part: each module turns what a ``Machine`` tells into findings."""
