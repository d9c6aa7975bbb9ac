"""PyTorch's side of timings.ts: the prototype loss with gradients, eager on CUDA. Prints one JSON object."""
import json
import statistics
import sys

import torch
import torch.nn.functional as F

n, k, d, group_count, rounds = map(int, sys.argv[1:])
epsilon, temperature, iterations = 0.05, 0.1, 3
if not torch.cuda.is_available():
    sys.exit(1)
device = torch.device("cuda")
features = F.normalize(torch.randn(n, d, device=device), dim=1).requires_grad_()
prototypes = F.normalize(torch.randn(k, d, device=device), dim=1).requires_grad_()
groups = torch.randint(group_count, (n,), device=device)


@torch.no_grad()
def targets(scores):
    q = torch.exp((scores - scores.max()) / epsilon)
    for _ in range(iterations):
        q /= q.sum(0, keepdim=True)
        q /= q.sum(1, keepdim=True)
    means = torch.zeros(group_count, k, device=device).index_add_(0, groups, q)
    means /= torch.bincount(groups, minlength=group_count).clamp(min=1)[:, None]
    return means[groups]


def step():
    features.grad = prototypes.grad = None
    scores = features @ prototypes.T
    logarithms = F.log_softmax(scores / temperature, 1)
    loss = -(targets(scores.detach()) * logarithms).sum(1).mean()
    loss.backward()


times = []
for _ in range(rounds + 3):
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    step()
    end.record()
    torch.cuda.synchronize()
    times.append(begin.elapsed_time(end))
held = torch.cuda.memory_allocated()
features.grad = prototypes.grad = None
torch.cuda.reset_peak_memory_stats()
step()
print(json.dumps({
    "name": f"PyTorch {torch.__version__}",
    "milliseconds": statistics.median(times[3:]),
    "bytes": torch.cuda.max_memory_allocated() - held,
}))
