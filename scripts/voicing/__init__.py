"""Makes the sound files of the screen."""
