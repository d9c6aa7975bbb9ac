"""ResNet-50, the published Panoptic-FPN and a 1x1 projector: seconds of one step in PyTorch.

    python3 torch_paper_step.py IMAGES PARTS HEIGHT WIDTH THREADS

Forward and backward of PARTS micro-batches of IMAGES each, then SGD. The loss is the cross entropy of every feature
with 1000 prototypes against random ones, without Sinkhorn, so a little less than the whole step's work.
"""
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

images, parts, height, width, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torchvision.models.resnet50()
        self.net.fc = nn.Identity()
        self.fpn = FeaturePyramidNetwork([256, 512, 1024, 2048], 256)
        self.heads = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(nn.Conv2d(128 if j else 256, 128, 3, padding=1, bias=False),
                              nn.BatchNorm2d(128), nn.ReLU(inplace=True))
                for j in range(max(1, level)))
            for level in range(4))
        self.projector = nn.Conv2d(128, 128, 1)
        self.prototypes = nn.Parameter(F.normalize(torch.randn(1000, 128), dim=1))

    def forward(self, x):
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        maps = {}
        for i, stage in enumerate((net.layer1, net.layer2, net.layer3, net.layer4)):
            x = maps[str(i)] = stage(x)
        total = 0
        for level, x in enumerate(self.fpn(maps).values()):
            for block in self.heads[level]:
                x = block(x)
                if level:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = total + x
        return self.projector(total)


network = Network().train()
optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=1e-4)
batches = [torch.randn(images, 3, height, width) for _ in range(parts)]
started = time.perf_counter()
for batch in batches:
    rows = F.normalize(network(batch).permute(0, 2, 3, 1).reshape(-1, 128), dim=1)
    rows = rows[torch.randperm(len(rows))[: images * 11200]]
    labels = torch.randint(1000, (len(rows),))
    (F.cross_entropy(rows @ network.prototypes.T / 0.1, labels) / parts).backward()
optimizer.step()
print(json.dumps(dict(seconds=time.perf_counter() - started,
                      peakGiB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20)))
