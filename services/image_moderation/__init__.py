"""Image moderation: detectors, redaction, and copies that are fit to hand out."""

import os

# ONNX Runtime's own Linux builds report sessions and devices to their maker from version 1.29 on, unless this is set
# before it is loaded. What is moderated here, and that it is, is nobody else's business.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
