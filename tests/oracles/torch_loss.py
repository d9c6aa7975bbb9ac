"""Swapped prediction over groups by PyTorch's autograd; prints loss.json.

    python3 tests/oracles/torch_loss.py > tests/oracles/loss.json
"""
import json

import torch

from swapped_targets import assignments, group_means

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
        q = assignments(scores[present], epsilon, iterations)
        target = group_means(q, group[present])
    prediction = torch.log_softmax(scores[present] / temperature, 1)
    loss = -(target * prediction).sum(1).mean()
    loss.backward()
    cases.append(dict(slots=slots, prototypes=prototypes, groups=groups, epsilon=epsilon,
                      temperature=temperature, iterations=iterations,
                      scores=scores.detach().ravel().tolist(), loss=loss.item(),
                      gradient=[round(g, 8) for g in scores.grad.ravel().tolist()]))
print(json.dumps(cases))
