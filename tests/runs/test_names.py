"""Names that people log by, as tutorials, trainers and libraries write them, and what they mean."""

import math

import pytest

from archlab.runs.names import columns

# What is logged -> which name is taken for each part and quantity.
LOGS = {
    "Lightning, getting started": (
        "train_loss val_loss test_loss",
        {"train loss": "train_loss", "val loss": "val_loss", "test loss": "test_loss"},
    ),
    "Lightning, on_step and on_epoch": (
        "train_loss_step train_loss_epoch train_acc_step train_acc_epoch val_loss lr-SGD",
        {"train loss": "train_loss_epoch", "train acc": "train_acc_epoch", "val loss": "val_loss"},
    ),
    "Lightning, test_acc_epoch": ("test_acc_epoch test_loss_epoch",
                                  {"test acc": "test_acc_epoch", "test loss": "test_loss_epoch"}),
    "Lightning, several loaders": (
        "val_acc/dataloader_idx_0 val_acc/dataloader_idx_1",
        {"val acc": "val_acc/dataloader_idx_0"},
    ),
    "steps alone": ("train_loss_step", {"train loss": "train_loss_step"}),
    "slashes": (
        "train/loss train/acc val/loss val/accuracy test/accuracy",
        {"train loss": "train/loss", "train acc": "train/acc", "val loss": "val/loss",
         "val acc": "val/accuracy", "test acc": "test/accuracy"},
    ),
    "PyTorch, TensorBoard tutorial": (
        "Loss/train Loss/test Accuracy/train Accuracy/test",
        {"train loss": "Loss/train", "test loss": "Loss/test", "train acc": "Accuracy/train",
         "test acc": "Accuracy/test"},
    ),
    "the part last": ("acc/train acc/val", {"train acc": "acc/train", "val acc": "acc/val"}),
    "torchmetrics, collection": (
        "train_MulticlassAccuracy val_MulticlassAccuracy val_MulticlassF1Score",
        {"train acc": "train_MulticlassAccuracy", "val acc": "val_MulticlassAccuracy"},
    ),
    "torchmetrics, no part": ("MulticlassAccuracy", {"train acc": "MulticlassAccuracy"}),
    "timm": (
        "train_loss eval_loss eval_top1 eval_top5 lr",
        {"train loss": "train_loss", "val loss": "eval_loss", "val acc": "eval_top1"},
    ),
    "torchvision's references": ("loss acc1 acc5 val_acc@1 val_Acc@5",
                                 {"train loss": "loss", "train acc": "acc1",
                                  "val acc": "val_acc@1"}),
    "Hugging Face": (
        "train/loss train/train_loss train/learning_rate train/epoch eval/loss eval/accuracy "
        "eval/runtime eval/samples_per_second",
        {"train loss": "train/loss", "val loss": "eval/loss", "val acc": "eval/accuracy"},
    ),
    "Keras": (
        "accuracy loss val_accuracy val_loss learning_rate",
        {"train acc": "accuracy", "train loss": "loss", "val acc": "val_accuracy",
         "val loss": "val_loss"},
    ),
    "Keras, sparse labels": (
        "loss sparse_categorical_accuracy val_loss val_sparse_categorical_accuracy "
        "val_top_k_categorical_accuracy",
        {"train loss": "loss", "train acc": "sparse_categorical_accuracy", "val loss": "val_loss",
         "val acc": "val_sparse_categorical_accuracy"},
    ),
    # There an accuracy without a part is the validation's.
    "fastai": ("train_loss valid_loss accuracy",
               {"train loss": "train_loss", "val loss": "valid_loss"}),
    "fairseq, dev": ("train_loss dev_loss dev_accuracy",
                     {"train loss": "train_loss", "val loss": "dev_loss",
                      "val acc": "dev_accuracy"}),
    "camel case": ("trainLoss validationAccuracy ValAcc TestTop1",
                   {"train loss": "trainLoss", "val acc": "ValAcc", "test acc": "TestTop1"}),
    "words": ("Training Loss|Validation Accuracy (%)",
              {"train loss": "Training Loss", "val acc": "Validation Accuracy (%)"}),
    "averages": ("avg_train_loss train_acc_mean running_loss",
                 {"train loss": "avg_train_loss", "train acc": "train_acc_mean"}),
    "something of one's own": ("cifar_train_accuracy digits_val_accuracy",
                               {"train acc": "cifar_train_accuracy",
                                "val acc": "digits_val_accuracy"}),
    "the plain name before another": ("val_balanced_accuracy val_accuracy",
                                      {"val acc": "val_accuracy"}),
    "terms of a loss and their sum": ("train_box_loss train_cls_loss train_total_loss",
                                      {"train loss": "train_total_loss"}),
    "terms of a loss alone": ("train_box_loss train_cls_loss", {}),
    "the best until now": ("best_val_acc val_acc_max val_acc", {"val acc": "val_acc"}),
    "auxiliary heads": ("train_aux_loss", {}),
    "both parts": ("train_val_loss", {}),
    "nothing of the kind": ("lr momentum grad_norm top5 acc_at_5 test_f1 glossary lossless", {}),
}  # fmt: skip


@pytest.mark.parametrize("log", LOGS)
def test_names_that_people_use(log) -> None:
    text, expected = LOGS[log]
    names = text.split("|") if "|" in text else text.split()
    found = columns({name: ([1.0, 2.0], [0.5, 0.25]) for name in names})
    assert {f"{each.part} {each.quantity}": each.name for each in found} == expected


def test_an_accuracy_is_a_share_whatever_it_was_logged_in() -> None:
    def values(**log: list[float]) -> dict[str, list[float]]:
        found = columns({name: ([1.0, 2.0], series) for name, series in log.items()})
        return {each.part: each.points[1] for each in found}

    assert values(train_acc=[0.5, 0.75], val_acc=[0.25, 1.0]) == {
        "train": [0.5, 0.75], "val": [0.25, 1.0]
    }  # fmt: skip
    # Both are in percent, although one of them alone might be a share.
    assert values(train_acc=[0.5, 75.0], val_acc=[0.25, 1.0]) == {
        "train": [0.005, 0.75], "val": [0.0025, 0.01]
    }  # fmt: skip
    assert values(train_error=[50.0, 25.0]) == {"train": [0.5, 0.75]}
    assert values(train_error=[0.5, 0.25], train_acc=[0.1, 0.2]) == {"train": [0.1, 0.2]}
    # Rounding may take a share above 1; a count of right answers is no share of anything.
    assert values(val_acc=[0.5, 1.0000001]) == {"val": [0.5, 1.0000001]}
    assert values(val_acc=[500.0, 9000.0]) == {}
    assert values(val_acc=[math.nan, 50.0])["val"][1] == 0.5


def test_of_two_equal_names_the_one_with_more_values_is_taken() -> None:
    found = columns({"eval_loss": ([1.0], [2.0]), "val_loss": ([1.0, 2.0], [2.0, 1.0])})
    assert [each.name for each in found] == ["val_loss"]


def test_timm_writes_percent_also_while_it_is_below_one() -> None:
    """Half a percent of ImageNet's images at the first epoch is no half of them."""
    (column,) = columns({"eval_top1": ([0.0, 1.0], [0.1, 0.5])})
    assert column.points == ([0.0, 1.0], [0.001, 0.005])
