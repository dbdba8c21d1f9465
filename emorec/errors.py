"""What a user can mend, as an exception whose message is one line with the file, the place and the remedy."""


class EmorecError(Exception):
    """Anything that the user can mend: input, config, a missing file. The command line prints it and exits 1."""
