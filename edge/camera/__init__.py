"""The process ``gatepost-camera``: sees that somebody stands at the kiosk, never who. The daemon imports none of it."""
