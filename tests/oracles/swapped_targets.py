"""SwAV's assignments and the targets of groups, which both oracles of the loss share.

Assignments follow SwAV's definition: the N x K kernel is divided by its sum, then in turn each
prototype's share becomes 1/K and each sample's 1/N; at the end every sample's share becomes 1.
"""
import torch


def assignments(scores, epsilon, iterations):
    """Sinkhorn's shares of each row of scores [N, K]."""
    q = torch.exp(scores / epsilon)
    q = q / q.sum()
    for _ in range(iterations):
        q = q / q.sum(0, keepdim=True) / scores.shape[1]
        q = q / q.sum(1, keepdim=True) / len(q)
    return q * len(q)


def group_means(q, members):
    """Of each row the mean of the rows of its group."""
    return torch.stack([q[members == g].mean(0) for g in members])
