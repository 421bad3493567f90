"""``mediaserver doctor``: looks at this machine as the server would use it, and says what is wrong and what to do."""

from signaling.doctor.command import add_arguments, run

__all__ = ["add_arguments", "run"]
