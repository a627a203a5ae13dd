"""A user's mistake on the command line: one clear line and exit code 2, never a traceback."""


class Mistake(Exception):
    """Something that the user has to mend; the text says what to do."""
