"""OpenCV's and scikit-image's side of labelling.ts."""
import sys
import time

import torch
from torch_peer import read_tensors, serve

try:
    import cv2
    import numpy as np
    import skimage
    from skimage.measure import label
except ImportError as error:
    sys.exit(f"{error}; apt-get install python3-opencv python3-skimage")

maps = {}
labels = np.empty((1024, 2048), np.int32)


def start(path):
    cv2.setNumThreads(torch.get_num_threads())
    for name, tensor in read_tensors(path).items():
        values = tensor.numpy()
        # What came as int32 is bytes on both sides; scikit-image labels no floats.
        maps[name] = values.astype(np.uint8 if values.dtype == np.int32 else np.int32)
    return {"opencv": f"OpenCV {cv2.__version__}", "skimage": f"scikit-image {skimage.__version__}"}


def opencv(name):
    started = time.perf_counter()
    count, _ = cv2.connectedComponents(maps[name], labels=labels, connectivity=8)
    return {"seconds": time.perf_counter() - started, "count": count - 1}


def scikit_image(name):
    started = time.perf_counter()
    _, count = label(maps[name], background=-1, connectivity=2, return_num=True)
    return {"seconds": time.perf_counter() - started, "count": int(count)}


if __name__ == "__main__":
    serve({"start": start, "opencv": opencv, "skimage": scikit_image})
