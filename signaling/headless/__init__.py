"""``mediaserver call``: a caller without a microphone or a screen, over real WebRTC with stock aiortc as its client."""

from signaling.headless.command import add_arguments, run

__all__ = ["add_arguments", "run"]
