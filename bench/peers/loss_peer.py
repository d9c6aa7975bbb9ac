"""PyTorch's side of loss.ts: lib/pretrain/prototype_loss.ts in eager mode."""
import time

import torch
import torch.nn.functional as F
from torch_peer import read_tensors, serve

state = {}


def start(path, group_count, epsilon, iterations, temperature):
    tensors = read_tensors(path)
    state.update(
        features=tensors["features"].requires_grad_(),
        prototypes=tensors["prototypes"].requires_grad_(),
        groups=tensors["groups"].long(),
        group_count=group_count, epsilon=epsilon, iterations=iterations, temperature=temperature)
    return {}


@torch.no_grad()
def targets(scores):
    q = torch.exp((scores - scores.max()) / state["epsilon"])
    for _ in range(state["iterations"]):
        q /= q.sum(0, keepdim=True)
        q /= q.sum(1, keepdim=True)
    groups, count = state["groups"], state["group_count"]
    means = torch.zeros(count, q.shape[1]).index_add_(0, groups, q)
    means /= torch.bincount(groups, minlength=count).clamp(min=1)[:, None]
    return means[groups]


def step():
    features, prototypes = state["features"], state["prototypes"]
    features.grad = prototypes.grad = None
    started = time.perf_counter()
    scores = features @ prototypes.T
    logarithms = F.log_softmax(scores / state["temperature"], 1)
    loss = -(targets(scores.detach()) * logarithms).sum(1).mean()
    loss.backward()
    value = loss.item()
    return {"seconds": time.perf_counter() - started, "loss": value}


if __name__ == "__main__":
    serve({"start": start, "step": step})
