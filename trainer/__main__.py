"""The trainer's own process."""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Threads that spin while they wait made a step of a small net 44-209 ms where 13 would do, with one other process on two
# cores; it must be set before torch is loaded.

from trainer.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
