"""``python -m mediaserver`` is the command line."""

import sys

if __name__ == "__main__":
    from signaling.cli import main

    sys.exit(main())
