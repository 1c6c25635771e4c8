"""The course chapter's flow: GoogLeNet and ResNet-18 on CIFAR-10, trained, tested, drawn.

    python examples/12_chapter.py [FOLDER OF CIFAR-10] [EPOCHS]

FOLDER holds cifar-10-batches-py, or train/CLASS/*.png and test/CLASS/*.png. The chapter trains
for 100 epochs, which is hours without a GPU: try 1.
"""

import sys

import pytorch_lightning as pl

from archlab import CIFAR10Data, Classifier, TrainingCurve, summary


def main(folder: str = ".data", epochs: str = "100") -> None:
    """Train both nets one after the other."""
    for name in ("googlenet", "resnet18"):
        model = Classifier(name, options={"layout": "cifar"})
        print(summary(model, (3, 32, 32)))
        trainer = pl.Trainer(
            max_epochs=int(epochs), accelerator="auto", devices="auto", deterministic=True
        )
        data = CIFAR10Data(folder)
        trainer.fit(model, datamodule=data)
        trainer.test(model, datamodule=data)
        drawing = TrainingCurve(trainer.log_dir)
        print(f"curves: {drawing.plot()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
