"""The gate's software: from the finger on the button to the county centre and back to the guard's lamp."""

__version__ = "0.1.0"
