"""Networks and optimisers by PyTorch; prints nn.json.

    python3 tests/oracles/torch_nn.py > tests/oracles/nn.json

Parameters and inputs are formulas of their flat index (see `wave`), so that only results are kept.
The ResNets follow torchvision's names; the table of layers below is written out on purpose.
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(0)


def wave(shape, phase, scale=1.0, offset=0.0):
    """offset + scale * sin(0.37 * i^1.5 + phase), i = 1, 2, ... in row-major order, NCHW or OIHW."""
    n = int(torch.tensor(shape).prod())
    i = torch.arange(1, n + 1, dtype=torch.float64)
    return (offset + scale * torch.sin(0.37 * i * i.sqrt() + phase)).reshape(shape).float()


class Parameters:
    """Makes parameters by name as they are asked for."""

    def __init__(self):
        self.made = {}

    def get(self, name, shape, scale, offset=0.0):
        if name not in self.made:
            tensor = wave(shape, sum(map(ord, name)), scale, offset)
            self.made[name] = tensor.requires_grad_("running" not in name)
        return self.made[name]

    def conv(self, name, x, outputs, size, stride=1, bias=False):
        fan = x.shape[1] * size * size
        w = self.get(name + ".weight", [outputs, x.shape[1], size, size], fan ** -0.5)
        b = self.get(name + ".bias", [outputs], 0.1) if bias else None
        return F.conv2d(x, w, b, stride, size // 2)

    def norm(self, name, x, training):
        c = [x.shape[1]]
        w = self.get(name + ".weight", c, 0.2, 1.0)
        b = self.get(name + ".bias", c, 0.1)
        m = self.get(name + ".running_mean", c, 0.1)
        v = self.get(name + ".running_var", c, 0.3, 1.0)
        return F.batch_norm(x, m, v, w, b, training, 0.1, 1e-5)


def resnet(p, x, counts, width, expansion, training):
    x = F.relu(p.norm("bn1", p.conv("conv1", x, width, 7, 2), training))
    maps = [x]
    x = F.max_pool2d(x, 3, 2, 1)
    for s, count in enumerate(counts):
        inner = width * 2 ** s
        for b in range(count):
            name = f"layer{s + 1}.{b}."
            stride = 2 if s > 0 and b == 0 else 1
            sizes = [(inner, 3, stride), (inner, 3, 1)]
            if expansion == 4:
                sizes = [(inner, 1, 1), (inner, 3, stride), (4 * inner, 1, 1)]
            y = x
            for k, (outputs, size, step) in enumerate(sizes, 1):
                y = p.norm(f"{name}bn{k}", p.conv(f"{name}conv{k}", y, outputs, size, step), training)
                if k < len(sizes):
                    y = F.relu(y)
            if b == 0 and (stride == 2 or x.shape[1] != inner * expansion):
                x = p.conv(name + "downsample.0", x, inner * expansion, 1, stride)
                x = p.norm(name + "downsample.1", x, training)
            x = F.relu(x + y)
        maps.append(x)
    return maps


def fpn(p, maps, channels, training):
    above, total = None, 0
    for i in reversed(range(len(maps))):
        lateral = p.conv(f"lateral.{i}", maps[i], channels, 1, 1, True)
        above = lateral if above is None else lateral + F.interpolate(above, scale_factor=2)
        x = above
        for j in range(max(1, i)):
            y = p.conv(f"head.{i}.{j}.conv", x, channels, 3)
            x = F.relu(p.norm(f"head.{i}.{j}.norm", y, training))
            if i > 0:
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + x
    return total


def flat(tensor, digits=6):
    """At most 30 values of NCHW in NHWC order, evenly spread, with the sum of squares first."""
    if tensor.dim() == 4:
        tensor = tensor.permute(0, 2, 3, 1)
    values = tensor.detach().double().reshape(-1)
    step = max(1, len(values) // 29)
    return [round(v, digits) for v in [float((values ** 2).sum())] + values[::step][:30].tolist()]


def network_case(kind, depth, width, shape, training):
    p = Parameters()
    if kind == "fpn":
        x = [wave([shape[0], 3 + i, shape[2] >> i, shape[3] >> i], i) for i in range(4)]
        outputs = [fpn(p, x, width, training)]
    else:
        x = [wave(shape, 0.0)]
        counts, expansion = ([2, 2, 2, 2], 1) if depth == 18 else ([3, 4, 6, 3], 4)
        outputs = resnet(p, x[0], counts, width, expansion, training)
    sum((wave(list(y.shape), 1.0) * y).sum() for y in outputs).backward()
    picked = {"resnet": ["conv1.weight", "bn1.bias", "layer2.0.downsample.0.weight",
                         "layer4.1.bn2.weight"],
              "fpn": ["lateral.0.weight", "head.3.1.conv.weight", "head.2.0.norm.weight"]}[kind]
    return dict(
        kind=kind, depth=depth, width=width, shape=shape, training=training,
        parameters={n: [list(t.shape), t.requires_grad] for n, t in p.made.items()},
        outputs=[flat(y) for y in outputs],
        gradients={n: flat(p.made[n].grad, 5) for n in picked},
        running={n: flat(t) for n, t in p.made.items() if "running" in n and ("layer1" in n or
                 n.startswith("bn1") or "head.0" in n)} if training else {})


def optimizer_case(kind, options, make):
    x = wave([2, 3], 0.5).requires_grad_()
    optimizer = make([x])
    values = []
    for step in range(5):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (step + 1)
        x.grad = wave([2, 3], 2.0 * step)
        optimizer.step()
        values.append([round(v, 7) for v in x.detach().reshape(-1).tolist()])
    return dict(kind=kind, options=options, values=values)


if __name__ == "__main__":
    networks = [
        network_case("resnet", 18, 2, [2, 3, 32, 64], False),
        network_case("resnet", 18, 2, [2, 3, 64, 96], True),
        network_case("resnet", 50, 1, [2, 3, 32, 64], False),
        network_case("fpn", 0, 3, [2, 3, 16, 24], False),
        network_case("fpn", 0, 3, [2, 3, 16, 24], True),
    ]
    optimizers = [
        optimizer_case("adam", {}, lambda x: torch.optim.Adam(x)),
        optimizer_case("adam", {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3, "weightDecay": 0.2},
                       lambda x: torch.optim.Adam(x, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.2)),
        optimizer_case("sgd", {}, lambda x: torch.optim.SGD(x, 1.0)),
        optimizer_case("sgd", {"momentum": 0.9, "weightDecay": 0.2},
                       lambda x: torch.optim.SGD(x, 1.0, 0.9, weight_decay=0.2)),
        optimizer_case("sgd", {"momentum": 0.9, "nesterov": True},
                       lambda x: torch.optim.SGD(x, 1.0, 0.9, nesterov=True)),
    ]
    print(json.dumps(dict(networks=networks, optimizers=optimizers)))
