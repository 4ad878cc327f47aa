"""The command line."""

import os

# Set before numpy is loaded. Every process has threads of its own and shares the cores with others; what is computed is small, and libraries that
# take all cores for it let them wait for each other: to learn a forecast beside other work took seven to twenty times the processor.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
