"""What a model costs: parameters, multiply-adds and memory, without its weights or a GPU."""

import archlab

GIB = 2**30

print(f"{'':12}{'parameters':>14}{'MACs':>16}{'training, GiB':>15}")
for name in ("resnet50", "vit_b_16", "convnext_tiny"):
    model = archlab.load(f"torchvision:{name}", input="3x224x224", batch=32)
    memory = archlab.memory(model, optimizer="adam")
    macs = archlab.flops(model).macs // 32  # of one image
    print(f"{name:12}{archlab.params(model).params:>14,}{macs:>16,}{memory.training / GIB:>15.2f}")
