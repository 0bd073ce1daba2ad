"""The errors a user can mend: each names what is wrong, where, and what to do.

The command line turns them into one message and exit code 2; anything else is a defect and keeps its
traceback.
"""


class UserError(Exception):
    """A mistake that the person at the keyboard can mend."""


class DataError(UserError):
    """An image, a label or a set of lines cannot be used as it is."""


class CheckpointError(UserError):
    """A model file or a training checkpoint is damaged, foreign or of another kind."""


class ExportError(UserError):
    """An exported file would not read as its model does, or cannot be made; nothing was written."""
