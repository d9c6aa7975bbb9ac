"""CuPy on CUDA and OpenCV on the CPU beside labels of binary maps, for timings.ts.

    python3 label_peer.py FILE BATCH HEIGHT WIDTH ROUNDS

FILE holds bytes [BATCH, HEIGHT, WIDTH], 0 the background; neighbours are 8. Prints one JSON object by peer: the median
milliseconds of a whole batch (CuPy: arrays on the device, the kernels' own wait included) and how many components.
"""
import json
import statistics
import sys
import time

import numpy as np

path = sys.argv[1]
batch, height, width, rounds = map(int, sys.argv[2:])
maps = np.fromfile(path, np.uint8).reshape(batch, height, width)
answer = {}


def measure(name, run):
    times = []
    for _ in range(rounds + 2):
        started = time.perf_counter()
        count = run()
        times.append((time.perf_counter() - started) * 1000)
    answer[name] = {"milliseconds": statistics.median(times[2:]), "count": int(count)}


try:
    import cupy
    from cupyx.scipy.ndimage import label

    structure = np.zeros((3, 3, 3), int)
    structure[1] = 1
    there = cupy.asarray(maps)
    labels = cupy.empty(there.shape, cupy.int32)

    def on_device():
        count = label(there, structure, output=labels)
        cupy.cuda.Device().synchronize()
        return count

    measure(f"CuPy {cupy.__version__}", on_device)
except Exception as error:  # no CuPy, no CUDA
    print(error, file=sys.stderr)
try:
    import cv2

    measure(f"OpenCV {cv2.__version__} on {cv2.getNumThreads()} threads",
            lambda: sum(cv2.connectedComponents(one, connectivity=8)[0] - 1 for one in maps))
except ImportError as error:
    print(error, file=sys.stderr)
print(json.dumps(answer))
