"""A gate in a virtual world: clock, card, network, contact and power, all from one seed."""
