"""The virtual gate: a Debian machine in QEMU whose kernel has GPIO lines, an I2C bus and a watchdog; its builder."""
