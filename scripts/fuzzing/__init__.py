"""Every parser of what comes from outside, and bytes that nobody of ours would send."""
