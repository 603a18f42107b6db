"""A school gate, its network and its county centre in virtual time: weeks in seconds, and all of it from one seed.

Nothing here reads a real clock, starts a thread or opens a file. The brain under test is the real one.
"""
