"""The figures of ``scripts/bench``: this daemon beside a bare script of gpiozero and paho, and beside itself."""
