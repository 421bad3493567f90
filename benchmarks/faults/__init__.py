"""What a call goes through when its provider fails: the faults P1 to P8, in real time, against every bridge."""
