"""The reference command centre: the other end of the wire, small but real."""
