"""A drawing as Mermaid: every box is named, every text escaped."""

import re

from archlab.view.drawing.mermaid import mermaid


def test_mermaid_names_every_box_and_escapes(drawing, style) -> None:
    text = mermaid(drawing, style)
    assert text.splitlines()[2] == "%% folded a lot"
    assert "flowchart TB" in text
    for i in range(len(drawing.boxes)):
        assert re.search(rf"^\s*n{i}[\[(]", text, re.MULTILINE)
    assert "<b>" not in text.partition("flowchart")[2]
    assert 'n1 ==>|"identity"| n3' in text
    assert 'n0 -->|"3×32×32"| n1' in text
