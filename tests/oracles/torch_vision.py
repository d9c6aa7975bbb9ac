"""torchvision's own ResNets and feature pyramid; prints vision.json.

    python3 tests/oracles/torch_vision.py > tests/oracles/vision.json

Names and shapes of all parameters as torchvision and PyTorch have them, answers of the ResNets at full width, and a
training step of ResNet-18. Parameters and inputs are torch_nn.py's waves, so that only results are kept.
"""
import json

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch_nn import flat, wave
from torchvision.ops import FeaturePyramidNetwork


def fill(module, rename=lambda name: name):
    """Gives every parameter and running statistic the wave of its name here, as waves.ts does."""
    state = module.state_dict()
    for name, tensor in state.items():
        shape, scale, offset = list(tensor.shape), 0.1, 0.0
        if name.endswith("num_batches_tracked"):
            continue
        if len(shape) == 4:
            scale = (shape[1] * shape[2] * shape[3]) ** -0.5
        elif name.endswith("running_var"):
            scale, offset = 0.3, 1.0
        elif name.endswith("weight"):
            scale, offset = 0.2, 1.0
        state[name] = wave(shape, sum(map(ord, rename(name))), scale, offset)
    module.load_state_dict(state)


def resnet(depth):
    net = getattr(torchvision.models, f"resnet{depth}")()
    net.fc = nn.Identity()
    return net


def stages(net, x):
    """What the four stages answer."""
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    maps = []
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        maps.append(x)
    return maps


class PanopticPyramid(nn.Module):
    """torchvision's pyramid, then the semantic branch (Kirillov et al. 2019, figure 3) with batch normalisation."""

    def __init__(self, inputs, top_down, channels):
        super().__init__()
        self.fpn = FeaturePyramidNetwork(inputs, top_down)
        self.head = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleDict({
                    "conv": nn.Conv2d(channels if j else top_down, channels, 3, padding=1, bias=False),
                    "norm": nn.BatchNorm2d(channels),
                })
                for j in range(max(1, level))
            )
            for level in range(len(inputs))
        )

    def forward(self, maps):
        total = 0
        for level, x in enumerate(self.fpn({str(i): m for i, m in enumerate(maps)}).values()):
            for block in self.head[level]:
                x = F.relu(block["norm"](block["conv"](x)))
                if level > 0:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = total + x
        return total


def ours(name):
    """The name of a pyramid's parameter here: torchvision counts the one layer of each block."""
    for theirs, here in (("fpn.inner_blocks.", "lateral."), ("fpn.layer_blocks.", "output.")):
        if name.startswith(theirs):
            level, rest = name[len(theirs):].split(".", 1)
            return f"{here}{level}.{rest.removeprefix('0.')}"
    return name


def shapes(module, rename=lambda name: name):
    return {rename(name): list(tensor.shape) for name, tensor in module.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def trained(module):
    return sum(p.numel() for p in module.parameters())


def answering(depth, shape):
    net = resnet(depth).eval()
    fill(net)
    with torch.no_grad():
        return dict(depth=depth, shape=shape, outputs=[flat(y) for y in stages(net, wave(shape, 0.0))])


def training(shape):
    """A step of ResNet-18: the loss is the mean of the last stage times a wave.

    With 3 images of 32 x 64 no ReLU is near 0: noise of 1e-6 in all parameters moves no gradient by more than 1e-4
    (8 tries). With most other sizes it does by 1e-2, now and then.
    """
    net = resnet(18).train()
    fill(net)
    options = dict(momentum=0.9, weight_decay=1e-2)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, **options)
    losses = []
    for _ in range(2):
        y = stages(net, wave(shape, 0.0))[3]
        loss = (wave(list(y.shape), 1.0) * y).mean()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if len(losses) == 1:
            parameters = dict(net.named_parameters())
            gradients = {name: flat(parameters[name].grad * 1e3, 5) for name in PICKED}
        optimizer.step()
    state = net.state_dict()
    return dict(shape=shape, rate=0.1, momentum=0.9, weightDecay=1e-2, losses=losses, gradients=gradients,
                moved={name: flat(state[name]) for name in PICKED + MOVED})


PICKED = ["conv1.weight", "bn1.bias", "layer2.0.downsample.0.weight", "layer3.1.conv1.weight", "layer4.1.bn2.weight"]
MOVED = ["bn1.running_mean", "layer2.1.bn1.running_var"]


def pyramid(training):
    net = PanopticPyramid([3, 4, 5, 6], 5, 3).train(training)
    fill(net, ours)
    y = net([wave([2, 3 + i, 16 >> i, 24 >> i], i) for i in range(4)])
    (wave(list(y.shape), 1.0) * y).sum().backward()
    picked = ["fpn.inner_blocks.0.0.weight", "fpn.inner_blocks.3.0.bias", "fpn.layer_blocks.2.0.weight",
              "head.3.0.conv.weight", "head.3.1.conv.weight", "head.0.0.norm.bias"]
    parameters = dict(net.named_parameters())
    return dict(training=training, parameters=shapes(net, ours), output=flat(y),
                gradients={ours(name): flat(parameters[name].grad, 5) for name in picked})


print(json.dumps(dict(
    resnets=[dict(depth=depth, trained=trained(resnet(depth)), parameters=shapes(resnet(depth)))
             for depth in (18, 34, 50)],
    panopticFpn=dict(inputs=[256, 512, 1024, 2048], topDown=256, channels=128,
                     trained=trained(PanopticPyramid([256, 512, 1024, 2048], 256, 128)),
                     parameters=shapes(PanopticPyramid([256, 512, 1024, 2048], 256, 128), ours)),
    answering=[answering(18, [2, 3, 64, 96]), answering(50, [1, 3, 64, 96])],
    training=training([3, 3, 32, 64]),
    pyramids=[pyramid(False), pyramid(True)],
)))
