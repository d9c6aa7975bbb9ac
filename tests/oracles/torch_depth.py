"""Monodepth2's losses by PyTorch's autograd; prints depth.json.

    python3 tests/oracles/torch_depth.py > tests/oracles/depth.json

SSIM, the view of a source through depth and motion by grid_sample, the least reprojection error with auto-masking and the
edge-aware smoothness are written as Godard et al. 2019 define them, in double precision: points are back-projected, moved and
projected, and positions go through grid_sample's -1..1. Images are NHWC in the answer.
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(9)
H, W = 6, 9
FX, FY, CX, CY = 0.7, 1.3, 0.45, 0.55


def draw(*shape, low=0.0, high=1.0):
    """Uniform numbers of four digits, so that both sides read the same."""
    return (torch.empty(*shape).uniform_(low, high) * 1e4).round().double() / 1e4


def smooth(image):
    """Neighbours alike, so that the view moves with depth as in a photograph."""
    return F.avg_pool2d(F.pad(image, (2, 2, 2, 2), "reflect"), 5, 1)


def ssim(a, b):
    def mean(x):
        return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), "reflect"), 3, 1)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2))


def photometric(view, target, weight=0.85):
    return (weight * (1 - ssim(view, target)) / 2 + (1 - weight) * (view - target).abs()).mean(1)


def rotation(v):
    """The matrix exponential of the cross-product matrix, one per item."""
    zero = torch.zeros_like(v[:, 0])
    rows = [zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero]
    return torch.matrix_exp(torch.stack(rows, 1).reshape(-1, 3, 3))


def view(source, disparity, turn, shift):
    """The target's view of the source: back-project, move, project, sample."""
    camera = torch.tensor([[FX * W, 0, CX * W - 0.5], [0, FY * H, CY * H - 0.5], [0, 0, 1]]).double()
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)]).double().reshape(3, -1)
    points = torch.linalg.inv(camera) @ pixels / disparity.reshape(-1, 1, H * W)
    moved = camera @ (rotation(turn) @ points + shift[:, :, None])
    position = (moved[:, :2] / moved[:, 2:]).permute(0, 2, 1).reshape(-1, H, W, 2)
    size = torch.tensor([W - 1, H - 1]).double()
    return F.grid_sample(source, position / size * 2 - 1, "bilinear", "border", align_corners=True)


def smoothness(disparity, image, sharpness):
    normal = disparity / (disparity.mean((2, 3), keepdim=True) + 1e-7)
    total = 0
    for axis in (2, 3):
        edge = image.diff(dim=axis).abs().mean(1, keepdim=True)
        total = total + (normal.diff(dim=axis).abs() * torch.exp(-sharpness * edge)).mean()
    return total


def nhwc(x):
    return [round(v, 7) for v in x.detach().permute(0, 2, 3, 1).reshape(-1).tolist()]


def row(x):
    return [round(v, 7) for v in x.detach().reshape(-1).tolist()]


target, first, second = (smooth(draw(2, 3, H, W)) for _ in range(3))
target, first, second = ((x * 1e4).round() / 1e4 for x in (target, first, second))
disparity = draw(2, 1, H, W, low=0.2, high=0.6).requires_grad_()
turns = [draw(2, 3, low=-0.05, high=0.05).requires_grad_() for _ in range(2)]
shifts = [draw(2, 3, low=-0.3, high=0.3).requires_grad_() for _ in range(2)]
views = [view(s, disparity, r, t) for s, r, t in zip((first, second), turns, shifts)]
moved = torch.stack([photometric(v, target) for v in views])
still = torch.stack([photometric(s, target) for s in (first, second)])
least = moved.min(0).values
masked = torch.minimum(least, still.min(0).values)
loss = masked.mean()
loss.backward()
reprojection = dict(
    views=nhwc(torch.cat(views)), errors=row(moved), loss=loss.item(), unmasked=least.mean().item(),
    moving=(least < still.min(0).values).double().mean().item(), disparityGradient=nhwc(disparity.grad),
    turnGradients=[row(r.grad) for r in turns], shiftGradients=[row(t.grad) for t in shifts])

a = first.clone().requires_grad_()
similarity = ssim(a, target)
similarity.mean().backward()
bumpy = draw(2, 1, H, W, low=0.1).requires_grad_()
smoothnesses = []
for sharpness in (1, 10):
    bumpy.grad = None
    value = smoothness(bumpy, target, sharpness)
    value.backward()
    smoothnesses.append(dict(sharpness=sharpness, value=value.item(), gradient=nhwc(bumpy.grad)))

print(json.dumps(dict(
    height=H, width=W, intrinsics=dict(fx=FX, fy=FY, cx=CX, cy=CY),
    target=nhwc(target), sources=[nhwc(first), nhwc(second)], disparity=nhwc(disparity),
    turns=[row(r) for r in turns], shifts=[row(t) for t in shifts], reprojection=reprojection,
    ssim=dict(values=nhwc(similarity), gradient=nhwc(a.grad)),
    bumpy=nhwc(bumpy), smoothness=smoothnesses)))
