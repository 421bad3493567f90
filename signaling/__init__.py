"""Every way in: each door ends in a :class:`mediaserver.caller.Caller`."""
