"""Weights to torchvision and back: python3 torch_round_trip.py [DEPTH OURS THEIRS]...

Loads the safetensors file OURS into torchvision's ResNet, writes a random ResNet of its own to THEIRS (counters
included, half precision), and prints for each depth what the four stages of both answer to one wave, and what did
not fit.
"""
import json
import sys

import numpy as np
import torch
import torchvision
from torch_nn import flat, wave

TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}


def read(path):
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[start + begin:start + end], TYPES[entry["dtype"]]).copy()
        tensors[name] = torch.from_numpy(values).reshape(entry["shape"])
    return tensors


def write(path, tensors):
    header, body = {}, bytearray()
    for name, tensor in tensors.items():
        values = tensor.numpy()
        dtype = next(key for key, kind in TYPES.items() if values.dtype == kind)
        header[name] = dict(dtype=dtype, shape=list(values.shape),
                            data_offsets=[len(body), len(body) + values.nbytes])
        body += values.tobytes()
    text = json.dumps(header).encode()
    open(path, "wb").write(len(text).to_bytes(8, "little") + text + body)


def stages(net):
    answers = []
    with torch.no_grad():
        x = net.maxpool(net.relu(net.bn1(net.conv1(wave([1, 3, 64, 96], 0.0)))))
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            answers.append(flat(x))
    return answers


def round_trip(depth, ours, theirs):
    build = getattr(torchvision.models, f"resnet{depth}")
    net = build().eval()
    missing, unexpected = net.load_state_dict(read(ours), strict=False)
    torch.manual_seed(depth)
    other = build().eval()
    for module in other.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    state = other.state_dict().items()
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state}
    other.load_state_dict(half)
    write(theirs, half)
    return dict(missing=missing, unexpected=unexpected, ours=stages(net), theirs=stages(other))


words = sys.argv[1:]
print(json.dumps([round_trip(int(words[i]), *words[i + 1:i + 3]) for i in range(0, len(words), 3)]))
