"""The page on JSON names every field of every answer, in order."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from snippets import ROOT

from archlab.analyze.budget import BudgetRow, BudgetTotals
from archlab.analyze.by_depth.gradients import GradientRow, GradientTotals
from archlab.analyze.by_depth.responses import DepthTotals, IdentityRow, ResponseRow
from archlab.analyze.by_depth.shattered import ShatteredRow, ShatteredTotals
from archlab.analyze.factorize import BottleneckRow, BottleneckTotals
from archlab.analyze.field.certify import CertifyRow, CertifyTotals
from archlab.analyze.field.effective import EffectiveRow, EffectiveTotals
from archlab.analyze.field.receptive_field import FieldRow, FieldTotals
from archlab.analyze.field.unproductive import UnproductiveRow, UnproductiveTotals
from archlab.analyze.flops import FlopsRow, FlopsTotals
from archlab.analyze.memory import MemoryRow, MemoryTotals
from archlab.analyze.params import ParamsRow, ParamsTotals
from archlab.analyze.shapes import ShapesRow, ShapesTotals
from archlab.analyze.summary import SummaryRow, SummaryTotals
from archlab.api.training.finetune import FineTuneRow, FineTuneTotals
from archlab.api.training.single import Row, TrainTotals
from archlab.runs.verdict import VerdictRow, VerdictTotals
from archlab.survey.published import AgreementRow, AgreementTotals
from archlab.survey.result import ScanTotals
from archlab.survey.row import ScanRow
from archlab.train.evaluate import TestRow, TestTotals


@pytest.mark.parametrize(
    ("command", "totals", "row"),
    [
        ("params", ParamsTotals, ParamsRow),
        ("flops", FlopsTotals, FlopsRow),
        ("memory", MemoryTotals, MemoryRow),
        ("shapes", ShapesTotals, ShapesRow),
        ("summary", SummaryTotals, SummaryRow),
        ("bottleneck", BottleneckTotals, BottleneckRow),
        ("check", BudgetTotals, BudgetRow),
        ("rf` (schema `receptive_field", FieldTotals, FieldRow),
        ("rf --unproductive", UnproductiveTotals, UnproductiveRow),
        ("rf --verify", CertifyTotals, CertifyRow),
        ("rf --effective", EffectiveTotals, EffectiveRow),
        ("verdict`, `degradation", VerdictTotals, VerdictRow),
        ("train", TrainTotals, Row),
        ("test", TestTotals, TestRow),
        ("finetune", FineTuneTotals, FineTuneRow),
        ("gradients", GradientTotals, GradientRow),
        ("responses", DepthTotals, ResponseRow),
        ("identity", DepthTotals, IdentityRow),
        ("shattered", ShatteredTotals, ShatteredRow),
        ("scan", ScanTotals, ScanRow),
        ("scan --check", AgreementTotals, AgreementRow),
    ],
)
def test_json_page_names_every_field(command: str, totals: type, row: type) -> None:
    line = re.search(
        rf"^\| `{re.escape(command)}`\)? \| (.*?) \| (.*?) \|$",
        (ROOT / "docs" / "json.md").read_text(),
        re.MULTILINE,
    )
    assert line is not None
    for text, kind in ((line[1], totals), (line[2], row)):
        listed = re.match(r"`([^`]*)`", text)
        assert listed is not None
        assert listed[1].split(", ") == [field.name for field in fields(kind)]
