"""Swapped prediction over groups by PyTorch's autograd; prints loss.json.

    python3 tests/oracles/torch_loss.py > tests/oracles/loss.json

Assignments follow SwAV's definition: the N x K kernel is divided by its sum, then in turn each
prototype's share becomes 1/K and each sample's 1/N; at the end every sample's share becomes 1.
"""
import json

import torch

torch.manual_seed(5)
cases = []
for slots, prototypes, groups, epsilon, temperature, iterations in [
    (3, 2, [0, 0, 0], 0.05, 0.1, 3),
    (9, 5, [1, 0, -1, 0, 2, 1, 1, -1, 2], 0.05, 0.1, 3),
    (12, 7, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 4], 0.1, 0.2, 5),
]:
    features = torch.nn.functional.normalize(torch.randn(slots, 4), dim=1)
    rows = torch.nn.functional.normalize(torch.randn(prototypes, 4), dim=1)
    scores = ((features @ rows.T * 1e4).round() / 1e4).double().requires_grad_()
    group = torch.tensor(groups)
    present = group >= 0
    with torch.no_grad():
        q = torch.exp(scores[present] / epsilon)
        q = q / q.sum()
        for _ in range(iterations):
            q = q / q.sum(0, keepdim=True) / prototypes
            q = q / q.sum(1, keepdim=True) / len(q)
        q = q * len(q)
        members = group[present]
        target = torch.stack([q[members == g].mean(0) for g in members])
    prediction = torch.log_softmax(scores[present] / temperature, 1)
    loss = -(target * prediction).sum(1).mean()
    loss.backward()
    cases.append(dict(slots=slots, prototypes=prototypes, groups=groups, epsilon=epsilon,
                      temperature=temperature, iterations=iterations,
                      scores=scores.detach().ravel().tolist(), loss=loss.item(),
                      gradient=[round(g, 8) for g in scores.grad.ravel().tolist()]))
print(json.dumps(cases))
