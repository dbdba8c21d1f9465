"""The one exception that a user may meet: its message is one line with the file, the place and the remedy."""


class EmorecError(Exception):
    """Anything that the user can mend: input, config, a missing file. The command line prints it and exits 1."""
