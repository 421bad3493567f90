"""The matrix of what works: each way in, each way out, each kind of turn, against the providers' simulators."""
