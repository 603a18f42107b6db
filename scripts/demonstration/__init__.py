"""The demo: a broker, the centre and a gate on simulated pins, all real processes, with a network cable to pull."""
