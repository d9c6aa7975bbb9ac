"""Convolutions and their gradients by PyTorch; see conv.ts."""
import statistics
import time

from torch_peer import read_tensors, serve, torch  # says what is missing, so it comes first

import torch.nn.functional as F

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}
SAMPLES = 64


class Convolution:
    """The shape that `start` gave, in both memory layouts."""

    def start(self, path, stride, padding):
        tensors = read_tensors(path)
        x, dy = (tensors[name].permute(0, 3, 1, 2) for name in ("x", "dy"))
        filter = tensors["filter"].permute(3, 2, 0, 1)
        self.stride, self.padding = [stride, stride], [padding, padding]
        self.inputs = {
            name: [tensor.contiguous(memory_format=layout) for tensor in (x, filter, dy)]
            for name, layout in LAYOUTS.items()
        }
        return {}

    def compute(self, direction, layout):
        x, filter, dy = self.inputs[layout]
        if direction == "forward":
            return F.conv2d(x, filter, None, self.stride, self.padding)
        wanted = [direction == "input gradient", direction == "filter gradient", False]
        return torch.ops.aten.convolution_backward(
            dy, x, filter, None, self.stride, self.padding, [1, 1], False, [0, 0], 1, wanted,
        )[wanted.index(True)]

    def values(self, direction, layout):
        """Some elements, evenly spread over NHWC or HWIO order."""
        result = self.compute(direction, layout)
        order = (2, 3, 1, 0) if direction == "filter gradient" else (0, 2, 3, 1)
        flat = result.permute(order).reshape(-1)
        return flat[:: max(1, len(flat) // SAMPLES)][:SAMPLES].tolist()

    def run(self, direction, layout, repeats):
        """The median of some calls in a row."""
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            self.compute(direction, layout)
            seconds.append(time.perf_counter() - started)
        return {"seconds": statistics.median(seconds)}


if __name__ == "__main__":
    convolution = Convolution()
    with torch.no_grad():
        serve({"start": convolution.start, "values": convolution.values, "run": convolution.run})
