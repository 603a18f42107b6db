"""The screen at the school gate: shows students and the teacher what the gate's daemon says, and nothing else."""
