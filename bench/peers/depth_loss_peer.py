"""PyTorch's side of depth_loss.ts: Godard et al. 2019, sections 3.1 and 3.2, in eager mode."""
import time

import torch
import torch.nn.functional as F
from torch_peer import read_tensors, serve

state = {}


def start(path, ssim_weight):
    tensors = read_tensors(path)
    images = lambda x: x.permute(0, 3, 1, 2).contiguous()
    views, height, width, _ = tensors["sources"].shape
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    state.update(
        target=images(tensors["target"]), sources=images(tensors["sources"]),
        disparity=images(tensors["disparity"]), rotation=tensors["rotation"], shift=tensors["shift"],
        matrix=tensors["matrix"], inverse=tensors["inverse"], ssim_weight=ssim_weight,
        pixels=torch.stack([xs, ys, torch.ones_like(xs)]).float().reshape(1, 3, -1))
    return {}


def synthesis(disparity, rotation, shift):
    count, _, height, width = disparity.shape
    points = state["inverse"] @ state["pixels"] / disparity.reshape(count, 1, -1)
    projected = state["matrix"] @ (rotation @ points + shift[:, :, None])
    positions = projected[:, :2] / projected[:, 2:].clamp(min=1e-7)
    x, y = positions.reshape(count, 2, height, width).unbind(1)
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], 3)
    return F.grid_sample(state["sources"], grid, padding_mode="border", align_corners=True)


def error(views):
    a, b = views, state["target"].repeat(views.shape[0] // state["target"].shape[0], 1, 1, 1)
    x, y = (F.pad(image, (1, 1, 1, 1), "reflect") for image in (a, b))
    mean = lambda image: F.avg_pool2d(image, 3, 1)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    ssim = (2 * mx * my + 1e-4) * (2 * vxy + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    weight = state["ssim_weight"]
    return (weight * (1 - ssim) / 2 + (1 - weight) * (a - b).abs()).mean(1)


def step(part):
    names = ["sources"] if part == "error" else ["disparity", "rotation", "shift"]
    inputs = [state[name].detach().requires_grad_() for name in names]
    started = time.perf_counter()
    if part == "error":
        value = error(*inputs).mean()
    else:
        views = synthesis(*inputs)
        value = (error(views) if part == "both" else views).mean()
    value.backward()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "value": value.item(), "slope": inputs[0].grad.norm().item()}


if __name__ == "__main__":
    serve({"start": start, "step": step})
