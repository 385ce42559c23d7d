"""Layouts of random graphs, and hostile texts on their way into SVG, Mermaid and DOT."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from itertools import combinations

from picture_specs import spec_of

from eqspec.graph.model import EdgeClass
from eqspec.tools.pictures.delivery import with_header
from eqspec.tools.pictures.drawing import svg_text
from eqspec.tools.pictures.layering import Box, Link, layout
from eqspec.tools.pictures.markup import element, escaped
from eqspec.tools.pictures.scene import Arrow, Factor, Feature, Scene, scene_of
from eqspec.tools.pictures.texts import dot_label, dot_text, json_text, mermaid_label, mermaid_text
from eqspec.tools.pictures.tokens import Token, type_tokens, wrapped

HOSTILE = [
    "</style><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "]]><!--",
    "--><svg/onload=alert(1)>",
    '"];\nevil -> graph [label="',
    '"]\n  click m0n0 "javascript:alert(1)"',
    "back\\slash \\l \\N \\",
    "\x00\x08\x1b[31m\u202e\u2028\ufffe\ud800",
    "%%{init: {}}%% <br/> #lt; &amp;",
    "${7*7} {{7*7}} {% raw %}",
    "mathematics: \N{LATIN SMALL LETTER N WITH TILDE} \N{MULTIPLICATION SIGN} \N{ARTIST PALETTE}",
]


def hostile_scene() -> Scene:
    factors = tuple(Factor(text, text, None, k, text) for k, text in enumerate(HOSTILE))
    features = tuple(
        Feature(
            f"{k} {text}",
            "output" if k == len(HOSTILE) - 1 else "layer",
            (text, "relu"),
            text,
            (Token(text, (text,), breaks=True),),
            (text,),
            notes=(text,),
            laws=(text,),
            levels={text: "exact"},
            doc=text,
            calls=text,
            outputs=(text,),
        )
        for k, text in enumerate(HOSTILE)
    )
    arrows = tuple(
        Arrow(a.name, b.name, text, text, {text: EdgeClass.INVARIANT}, 3, k % 2 == 0, (text,))
        for k, (a, b, text) in enumerate(zip(features, features[1:], HOSTILE, strict=False))
    )
    name = " ".join(HOSTILE)
    return Scene(name, name, name, False, factors, features, arrows, tuple(HOSTILE))


def test_hostile_text_in_svg() -> None:
    text = svg_text([hostile_scene()])
    root = ET.fromstring(text)
    tags = {node.tag.partition("}")[2] for node in root.iter()}
    assert tags == {"svg", "style", "rect", "g", "title", "text", "path"}
    for node in root.iter():
        assert not any(name.startswith("on") or name.endswith("href") for name in node.attrib)
        if not node.tag.endswith("style"):
            continue
        assert "alert" not in (node.text or "")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\ufffe\ud800]", text)
    shown = "".join(root.itertext())
    assert "<script>alert(1)</script>" in shown
    text.encode("utf-8")


def test_hostile_text_in_attributes() -> None:
    for text in HOSTILE:
        made = ET.fromstring(element("a", text, x=text, class_=text))
        assert set(made.attrib) == {"x", "class"}
        assert list(made) == []
        assert escaped(escaped(text)) == escaped(text)


def test_hostile_text_in_mermaid() -> None:
    for line in mermaid_text([hostile_scene()]).splitlines():
        assert re.fullmatch(
            r"flowchart TB|  end|  subgraph m0\[\"[^\"]*\"\]|  style m0n\d+ [-#\w:,]+"
            r"|    m0n\d+(\[|\[\[)\"[^\"]*\"(\]|\]\])|    m0n\d+ -->\|\"[^\"]*\"\| m0n\d+"
            r"|  linkStyle [\d,]+ stroke-width:4px",
            line,
        ), line
    for text in HOSTILE:
        assert re.fullmatch(r"([A-Za-z0-9 _.,:=+-]|#\d+;)*", mermaid_label([text]))


def test_hostile_text_in_dot() -> None:
    string = r'"(?:[^"\\\n]|\\.)*"'
    for line in dot_text([hostile_scene()]).splitlines():
        bare = re.sub(string, "S", line)
        assert '"' not in bare, line
        assert not re.search(r"alert|evil|script|javascript", bare), line
    for text in HOSTILE:
        assert re.fullmatch(string, f'"{dot_label([text])}"')


def test_hostile_text_in_json_and_headers() -> None:
    import json

    scene = hostile_scene()
    record = json.loads(json_text([scene]))
    assert record["modules"][0]["doc"] == scene.doc
    spec = spec_of("eqspec 1\n")
    for format_, start in (("svg", "<!-- "), ("mermaid", "%% "), ("dot", "// ")):
        for text in HOSTILE:
            made = with_header("body\n", format_, spec, text)
            first, second, body = made.split("\n", 2)
            assert body == "body\n"
            assert first.startswith(start)
            assert second.startswith(start)
            if format_ == "svg":
                assert first.count("--") == second.count("--") == 2
                assert first.endswith(" -->")


def test_lines_of_a_type_hold_it_whole_or_say_that_they_do_not() -> None:
    spec = spec_of(
        "eqspec 1\ngroup G = cyclic(4)\nmodule M {\n"
        "  input x: flat { first: [G.regular, 3], second: [G.regular] + [7], third: [1] }\n"
        "  output y = x\n}\n"
    )
    tokens = type_tokens(spec.modules[0].inputs[0].type)
    for width in (12, 21, 22, 40, 200):
        lines = ["".join(t.text for t in line) for line in wrapped(tokens, width, 99)]
        assert all(len(line) <= width for line in lines)
        whole = "".join(token.text for token in tokens)
        if width >= 21:
            assert "".join("".join(lines).split()) == "".join(whole.split())
    cut = wrapped(tokens, 20, 2)
    assert len(cut) == 2
    assert cut[-1][-1].text == "\N{HORIZONTAL ELLIPSIS}"


def random_graph(random_: random.Random) -> tuple[list[Box], list[Link]]:
    count = random_.randrange(1, 40)
    boxes = [Box(f"b{k}", random_.uniform(30, 300), random_.uniform(20, 120)) for k in range(count)]
    links = [
        Link(f"b{random_.randrange(k)}", f"b{k}", random_.uniform(10, 90), random_.choice([12, 38]))
        for k in range(1, count)
        for _ in range(random_.randrange(4))
    ]
    return boxes, links


def test_random_layouts() -> None:
    """No boxes overlap, arrows go down, nothing is outside, and the same input gives the same drawing."""
    for seed in range(60):
        boxes, links = random_graph(random.Random(seed))
        found = layout(boxes, links)
        assert found == layout(boxes, links)
        sizes = {box.name: box for box in boxes}
        edges = {
            name: (x - b.width / 2, y - b.height / 2, x + b.width / 2, y + b.height / 2)
            for name, (x, y) in found.centres.items()
            for b in [sizes[name]]
        }
        for left, top, right, bottom in edges.values():
            assert left >= -0.01
            assert top >= -0.01
            assert right <= found.width + 0.01
            assert bottom <= found.height + 0.01
        for a, b in combinations(edges.values(), 2):
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
        for link, way in zip(links, found.ways, strict=True):
            assert way.points[0][1] == edges[link.source][3]
            assert way.points[-1][1] == edges[link.target][1]
            heights = [y for _, y in way.points]
            assert heights == sorted(heights)
            for x, y in way.points[1:-1]:  # a long arrow passes beside all boxes
                assert not any(
                    left < x < right and top < y < bottom
                    for left, top, right, bottom in edges.values()
                )


def test_a_tree_and_a_ladder_have_no_crossings() -> None:
    boxes = [Box(f"b{k}", 60, 30) for k in range(15)]
    links = [Link(f"b{(k - 1) // 2}", f"b{k}", 20, 12) for k in range(1, 15)]
    random.Random(3).shuffle(links)
    found = layout(boxes, links)
    for a, b in combinations(links, 2):
        ax, bx = (found.centres[link.source][0] for link in (a, b))
        ay, by = (found.centres[link.target][0] for link in (a, b))
        same = found.centres[a.source][1] == found.centres[b.source][1]
        assert not same or (ax - bx) * (ay - by) >= 0


def test_long_chains_are_drawn_in_time() -> None:
    """Facts about a layer must not be gathered anew for every layer above it."""
    layers = "".join(f"  x{k}: [G.regular] = relu(linear(x{k - 1}))\n" for k in range(1, 150))
    text = f"eqspec 1\ngroup G = cyclic(4)\nmodule M {{\n  input x0: [G.regular]\n{layers}"
    (module,) = spec_of(f"{text}  output y: [1] = linear(x149)\n}}\n").modules
    scene = scene_of(module)
    assert len(scene.features) == 151
    assert len(scene.arrows) == 150
