"""Sound between the wire and the bridge: frames, levels, rates and the loudspeaker queue."""
