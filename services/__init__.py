"""What an operator deploys: one package for each service, and what they share."""

import os

# gRPC's own log lines are no JSON and say nothing that our errors and logs do not. Read when grpc is first loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# The services' own workers are what runs side by side: numpy's threads within one small product only wait for a core.
# Read when numpy is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
