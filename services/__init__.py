"""What an operator deploys: one package for each service, and what they share."""

import os

# gRPC's own log lines are no JSON and say nothing that our errors and logs do not. Read when grpc is first loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
