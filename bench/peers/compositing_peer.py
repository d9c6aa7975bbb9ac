"""PyTorch's side of compositing.ts: the paper's mixing as a loop over pastes."""
import random
import time

import torch
import torch.nn.functional as F
import torchvision.transforms.functional as T
from torch_peer import read_tensors, serve

state = {}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def start(path, boxes, pastes, horizon, device):
    tensors = {name: tensor.to(device) for name, tensor in read_tensors(path).items()}
    state.update(
        rgb=tensors["rgb"].permute(0, 3, 1, 2).contiguous() / 255,
        disparity=tensors["disparity"][:, None], ids=tensors["ids"][:, None],
        boxes=boxes, pastes=pastes, horizon=horizon)
    return {}


def jitter(x, hue=0.2):
    if random.random() < 0.8:
        steps = [
            lambda x: T.adjust_brightness(x, random.uniform(0.5, 1.5)),
            lambda x: T.adjust_contrast(x, random.uniform(0.5, 1.5)),
            lambda x: T.adjust_saturation(x, random.uniform(0.5, 1.5)),
            lambda x: T.adjust_hue(x, random.uniform(-hue, hue)),
        ]
        random.shuffle(steps)
        for step in steps:
            x = step(x)
    return T.rgb_to_grayscale(x, 3) if random.random() < 0.1 else x


def paste(canvas, source, region, copy):
    """Scales, moves, flips and recolours one region; it wins where it is nearer."""
    top, left, bottom, right = state["boxes"][region]
    height, width = canvas["ids"].shape[-2:]
    scale = 1 / random.uniform(1 / min(2, 2 * height / (bottom - top)), 1 / 0.2)
    size = (max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale)))
    cut = (slice(source, source + 1), slice(None), slice(top, bottom), slice(left, right))
    colours = F.interpolate(state["rgb"][cut], size, mode="bilinear", antialias=True)
    disparity = F.interpolate(state["disparity"][cut], size, mode="nearest") * scale
    ids = F.interpolate(state["ids"][cut], size, mode="nearest")
    if random.random() < 0.5:
        colours, disparity, ids = colours.flip(3), disparity.flip(3), ids.flip(3)
    y = round((top - state["horizon"]) * scale + state["horizon"] + random.uniform(-16, 16))
    x = random.randrange(-size[1] + 1, width)
    y0, y1, x0, x1 = max(0, y), min(height, y + size[0]), max(0, x), min(width, x + size[1])
    if y0 >= y1 or x0 >= x1:
        return
    inner = (..., slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    outer = (..., slice(y0, y1), slice(x0, x1))
    wins = (ids[inner] == region) & (disparity[inner] > canvas["disparity"][outer])
    if not wins.any():
        return
    mask = T.gaussian_blur(F.pad(wins.float(), (1, 1, 1, 1)), 3, 1)[..., 1:-1, 1:-1]
    seen = canvas["colours"][outer]
    seen += mask * (jitter(colours[inner]) - seen)
    canvas["disparity"][outer] = torch.where(wins, disparity[inner], canvas["disparity"][outer])
    canvas["ids"][outer] = torch.where(wins, ids[inner] + source * len(state["boxes"]), canvas["ids"][outer])
    canvas["copies"][outer] = canvas["copies"][outer].masked_fill(wins, float(copy))


def view(canvas):
    height, width = canvas["ids"].shape[-2:]
    zoom = random.uniform(1, 2)
    rows, columns = round(height / zoom), round(width / zoom)
    top, left = random.randint(0, height - rows), random.randint(0, width - columns)
    crop = (..., slice(top, top + rows), slice(left, left + columns))
    colours = F.interpolate(canvas["colours"][crop], (height, width), mode="bilinear", align_corners=False)
    labels = [F.interpolate(canvas[name][crop], (height, width), mode="nearest") for name in ("ids", "copies")]
    if random.random() < 0.5:
        colours, labels = colours.flip(3), [label.flip(3) for label in labels]
    colours = jitter(colours)
    if random.random() < 0.2:
        colours = T.gaussian_blur(colours, 5, random.uniform(0.1, 2))
    return [T.normalize(colours, MEAN, DEVIATION), *labels]


def mix():
    started = time.perf_counter()
    sources, regions = len(state["rgb"]), len(state["boxes"])
    mixed, copy = [], 0
    for times in state["pastes"]:
        pieces = [(s, r) for s in range(sources) for r in range(regions)] * times
        random.shuffle(pieces)
        for target in range(sources):
            one = slice(target, target + 1)
            canvas = {
                "colours": state["rgb"][one].clone(), "disparity": state["disparity"][one].clone(),
                "ids": state["ids"][one] + target * regions,
                "copies": torch.full_like(state["ids"][one], copy),
            }
            for source, region in pieces[target::sources]:
                copy += 1
                paste(canvas, source, region, copy)
            mixed.append(view(canvas))
    batch = [torch.cat(parts) for parts in zip(*mixed)]
    if batch[0].is_cuda:
        torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - started, "shape": list(batch[0].shape)}


if __name__ == "__main__":
    serve({"start": start, "mix": mix})
