"""One server as several processes: who they are, which ports are theirs, and who sees to it that they live."""
