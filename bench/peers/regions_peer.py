"""scikit-image's side of regions.ts."""
import sys
import time

from torch_peer import read_tensors, serve

try:
    import numpy as np
    import skimage
    from skimage.segmentation import slic
except ImportError as error:
    sys.exit(f"{error}; apt-get install python3-skimage")

state = {}
# Metres; the sky of the embedded streets is infinitely far.
FARTHEST = 1000


def start(path, segments):
    tensors = read_tensors(path)
    state.update(
        rgb=tensors["rgb"].numpy().astype(np.uint8), depth=np.minimum(tensors["depth"].numpy(), FARTHEST), segments=segments)
    return {"name": f"scikit-image {skimage.__version__}, SLIC and graph"}


def cut():
    """Superpixels, their mean depth, and the weight of every pair that touches."""
    started = time.perf_counter()
    labels = slic(state["rgb"], n_segments=state["segments"], start_label=0)
    count = labels.max() + 1
    z = np.bincount(labels.ravel(), state["depth"].ravel()) / np.bincount(labels.ravel())
    pairs = np.concatenate([
        np.stack([labels[:, 1:].ravel(), labels[:, :-1].ravel()], 1),
        np.stack([labels[1:].ravel(), labels[:-1].ravel()], 1)])
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1)
    edges = np.unique(pairs[:, 0] * count + pairs[:, 1])
    a, b = z[edges // count], z[edges % count]
    weights = 1 / (1 + np.exp(-(48 * np.abs(a - b) / (z.max() + z.min()) - 4)))
    return {"seconds": time.perf_counter() - started, "edges": len(weights)}


if __name__ == "__main__":
    serve({"start": start, "cut": cut})
