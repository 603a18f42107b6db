"""What the thermometer's judgement is worth, worked out from the FDA's open data on faces and mouths."""
