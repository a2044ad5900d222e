"""How long a sketch takes: `python -m benchmarks.sketch_speed [--prompts N]`.

Draws and encodes varied 512x512 pictures, one after the other, and prints the median and the 95th percentile of the
wall-clock time and of the processor time, in milliseconds; the second says less about what else the machine does.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.sketch_false_positives import prompts
from services.generator.sketch.encoding import encode
from services.generator.sketch.painting import Painting


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=200, help="how many pictures (default: %(default)s)")
    arguments = parser.parse_args()
    wall, processor, encoding = [], [], []
    for seed, prompt in enumerate(prompts(arguments.prompts, 1)):
        began, began_cpu = time.perf_counter(), time.process_time()
        painting = Painting(prompt=prompt, seed=seed)
        painting.draw_until(painting.steps)
        drawn = time.perf_counter()
        encode(painting.image, "PNG")
        wall.append(1000 * (time.perf_counter() - began))
        encoding.append(1000 * (time.perf_counter() - drawn))
        processor.append(1000 * (time.process_time() - began_cpu))
    for name, values in (("wall clock", wall), ("processor", processor), ("of it PNG, wall clock", encoding)):
        tail = statistics.quantiles(values, n=20)[-1]
        print(f"{name}: median {statistics.median(values):.1f} ms, 95th percentile {tail:.1f} ms")


if __name__ == "__main__":
    main()
