"""The PyTorch side of the benches against peers: answers one JSON object a line.

A request `{"do": name, ...}` calls the function of that name with the rest as arguments; what it
returns goes back as one line. Nothing else may be written to stdout.
"""
import json
import sys

try:
    import numpy as np
    import torch
except ImportError as error:
    sys.exit(f"{error}; apt-get install python3-torch python3-torchvision")


def read_tensors(path):
    """The tensors of a safetensors file of F32 and I32, by name."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = {"F32": np.float32, "I32": np.int32}[entry["dtype"]]
        values = np.frombuffer(data[start + begin : start + end], dtype).copy()
        tensors[name] = torch.from_numpy(values).reshape(entry["shape"])
    return tensors


def serve(functions):
    """Answers requests until stdin ends; the first answer says who is there."""

    def hello(threads):
        torch.set_num_threads(threads)
        return {"name": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}

    functions = {"hello": hello, **functions}
    for line in sys.stdin:
        request = json.loads(line)
        answer = functions[request.pop("do")](**request)
        print(json.dumps(answer), flush=True)
