"""The RTVI protocol (2.1.0), which Pipecat's client SDKs speak, to and from the server's own events."""
