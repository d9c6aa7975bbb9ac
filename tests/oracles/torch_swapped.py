"""Sinkhorn's assignments and swapped prediction down to features and prototypes; prints swapped.json.

    python3 tests/oracles/torch_swapped.py > tests/oracles/swapped.json

torch_loss.py stops at the scores; here features and prototypes are parameters, as in a training step.
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(21)
cases = []
for slots, count, size, group_count, epsilon, temperature, iterations in [
    (40, 11, 6, 9, 0.05, 0.1, 3), (23, 30, 5, 4, 0.1, 0.07, 5),
]:
    def draw(rows):
        return (F.normalize(torch.randn(rows, size), dim=1) * 1e5).round().double() / 1e5

    features, prototypes = draw(slots).requires_grad_(), draw(count).requires_grad_()
    groups = torch.randint(-1, group_count, (slots,))
    groups[:group_count] = torch.arange(group_count)
    present = groups >= 0
    scores = features @ prototypes.T
    with torch.no_grad():
        q = torch.exp(scores[present] / epsilon)
        q = q / q.sum()
        for _ in range(iterations):
            q = q / q.sum(0, keepdim=True) / count
            q = q / q.sum(1, keepdim=True) / len(q)
        q = q * len(q)
        members = groups[present]
        target = torch.stack([q[members == g].mean(0) for g in members])
    loss = -(target * torch.log_softmax(scores[present] / temperature, 1)).sum(1).mean()
    loss.backward()
    numbers = lambda x, digits: [round(v, digits) for v in x.detach().reshape(-1).tolist()]
    cases.append(dict(groups=groups.tolist(), prototypeCount=count, size=size, epsilon=epsilon,
                      temperature=temperature, iterations=iterations, features=numbers(features, 5),
                      prototypes=numbers(prototypes, 5), assignments=numbers(q, 6), loss=loss.item(),
                      featureGradient=numbers(features.grad, 7),
                      prototypeGradient=numbers(prototypes.grad, 7)))
print(json.dumps(cases))
