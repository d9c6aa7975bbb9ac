"""PyTorch's side of webgpu.ts: products and convolutions in float32 on CUDA without TF32.

    python3 torch_kernels.py CASES ROUNDS

CASES is a JSON list of bench/peers/webgpu_cases.ts with names. Prints one JSON object of milliseconds by name.
"""
import json
import statistics
import sys

import torch
import torch.nn.functional as F

cases, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
if not torch.cuda.is_available():
    sys.exit("no CUDA")
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True
REPEAT = 10


def gemm(size):
    a, b = (torch.randn(size, size, device="cuda") for _ in range(2))
    return lambda: a @ b


def convolution(conv, backward):
    x = torch.randn(conv["batch"], conv["inputs"], conv["height"], conv["width"], device="cuda")
    w = torch.randn(conv["outputs"], conv["inputs"], conv["kernel"], conv["kernel"], device="cuda")
    settings = dict(stride=conv["stride"], padding=(conv["kernel"] - 1) // 2)
    if not backward:
        return lambda: F.conv2d(x, w, **settings)
    x.requires_grad_(), w.requires_grad_()
    y = F.conv2d(x, w, **settings)
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, (x, w), dy, retain_graph=True)


def milliseconds(run):
    times = []
    for _ in range(rounds + 2):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(REPEAT):
            run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / REPEAT)
    return statistics.median(times[2:])


answer = {}
for case in cases:
    if case["kind"] == "gemm":
        answer[case["name"]] = milliseconds(gemm(case["size"]))
    elif case["kind"] == "conv":
        answer[case["name"]] = milliseconds(convolution(case["conv"], case["backward"]))
print(json.dumps(answer))
