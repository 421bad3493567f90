"""Every way out: each ends in a :class:`mediaserver.bridge.Bridge` or in an engine of :mod:`mediaserver.speech`."""
