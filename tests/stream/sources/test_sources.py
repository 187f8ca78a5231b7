"""Sources: every dialect gives the same messages, and what cannot be read says why."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from learners.core import given_part
from stream.records.schema import Event, Labelled
from stream.sources import Source, SourceError, open_source
from stream.sources.arff import _fields, _unquoted
from tests.data import real_data

ROWS = [
    ([1.5, 0.0, 2.0], ["urban"]),
    ([0.0, 0.0, 0.0], []),
    ([float("nan"), -1.0, 1.0], ["urban", "by the sea"]),
]
"""What the four ARFF files below say."""

XML = """<?xml version="1.0" encoding="utf-8"?>
<labels xmlns="http://mulan.sourceforge.net/labels">
  <label name="urban"><label name="by the sea"/></label>
</labels>
"""

MULAN_DENSE = """% a comment
@relation 'places'

@attribute size numeric
@attribute 'it\\'s, "height"' real
@attribute kind {small,'mid size',"large"}
@attribute urban {0,1}
@attribute 'by the sea' {0,1}

@data
1.5, 0, large, 1, 0
% another one
0,0,small,0,0
?,-1,'mid size',1,1
"""

MULAN_SPARSE = (
    MULAN_DENSE.split("@data")[0]
    + """@DATA
{0 1.5,2 "large", 3 1}
{ }
{0 ?, 1 -1, 2 'mid size', 3 1, 4 1}
"""
)

MEKA_FIRST = """@relation 'places: -C 2 -split-number 10'
@attribute urban {0,1}
@attribute 'by the sea' {0,1}
@attribute size numeric
@attribute height numeric
@attribute kind {small,mid\\ size,large}
@data
1,0,1.5,0,large
0,0,0,0,small
1,1,?,-1,mid\\ size
"""

MEKA_LAST = """@RELATION "places: -C -2"
@ATTRIBUTE size INTEGER
@ATTRIBUTE\theight NUMERIC
@ATTRIBUTE kind NUMERIC
@ATTRIBUTE urban {false,true}
@ATTRIBUTE "by the sea" numeric
@DATA
{0 1.5,2 2,3 true}
{3 false}
{0 ?,1 -1,2 1,3 true,4 1}
"""


def labelled(source: Source) -> list[Labelled]:
    """Return all messages, none of which is an operation on the taxonomy."""
    taken = [source.message(position) for position in range(len(source))]
    return [message for message in taken if isinstance(message, Labelled)]


def messages(source: Source) -> list[tuple[list[float], list[str] | None]]:
    """Return every message's vector and labels."""
    vectors = [source.vector(position) for position in range(len(source))]
    labels = [message.labels for message in labelled(source)]
    return [([] if x is None else x.tolist(), names) for x, names in zip(vectors, labels, strict=True)]


def assert_rows(source: Source, rows: int = 3) -> None:
    """Check that a source says what `ROWS` say."""
    got = messages(source)
    assert [labels for _, labels in got] == [labels for _, labels in ROWS[:rows]]
    np.testing.assert_array_equal([x for x, _ in got], [x for x, _ in ROWS[:rows]])


@pytest.mark.parametrize("text", [MULAN_DENSE, MULAN_SPARSE])
def test_mulan(tmp_path: Path, text: str) -> None:
    """Labels are what the XML file beside it names, at any depth."""
    (tmp_path / "places.arff").write_text(text)
    (tmp_path / "places.xml").write_text(XML)
    source = open_source(tmp_path / "places.arff")
    assert source.name == "places"
    assert_rows(source)


@pytest.mark.parametrize("text", [MEKA_FIRST, MEKA_LAST])
def test_meka(tmp_path: Path, text: str) -> None:
    """Labels are the first or the last n attributes."""
    (tmp_path / "places.arff.gz").write_bytes(gzip.compress(text.encode()))
    assert_rows(open_source(tmp_path / "places.arff.gz"))
    assert_rows(open_source(tmp_path / "places.arff.gz", limit=2), rows=2)


def test_unknown_labels_are_not_negatives(tmp_path: Path) -> None:
    """A question mark in a label makes the message incomplete, and only there."""
    header = (
        "@relation '-C 3'\n@attribute a {0,1}\n@attribute b {0,1}\n@attribute c {0,1}\n@attribute x numeric\n"
    )
    (tmp_path / "s.arff").write_text(f"{header}@data\n1,?,0,5\n1,0,0,5\n")
    first, second = labelled(open_source(tmp_path / "s.arff"))
    assert (first.labels, first.labels_complete, first.not_) == (["a"], False, ["c"])
    assert (second.labels, second.negative) == (["a"], None)


HEADER = "@relation '-C 1'\n@attribute a {0,1}\n@attribute x numeric\n@data\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + "1,5\n1\n", r"line 6: .* 1 values for 2 attributes"),
        (HEADER + "1,five\n", r"line 5: .*could not convert string to float: 'five'"),
        (HEADER + "2,5\n", r"line 5: .*a is 2, which is none of its values"),
        (HEADER + "{0 1, 7 5}\n", r"line 5: .*out of range"),
        (HEADER + "{0 1, 0 1}\n", r"line 5: .*given twice"),
        (HEADER + "{0 1}, {2}\n", r"line 5: .*a is 1\}"),
        (HEADER + "{0 1\n", r"line 5: .*ends with '\}'"),
        (HEADER + "1,'5\n", r"line 5: .*quote is not closed"),
        (HEADER.replace("numeric", "string"), r"line 3: attribute 'x' is of type 'string'.*JSON lines"),
        (HEADER.replace("{0,1}", "{no,yes}"), r"label 'a' has the values \['no', 'yes'\]"),
        (HEADER.replace("{0,1}", "numeric") + "7,1\n", r"a label is neither 0 nor 1"),
        (HEADER.replace("-C 1", "-C 2"), r"`-C 2` cannot be, it has 2 attributes"),
        (HEADER.replace("-C 1", "places"), r"does not say which attributes are labels.*s\.xml"),
        ("x,y\n1,2\n", r"line 1: got 'x,y'.*ARFF"),
        ("@relation r\n", r"ends before @data"),
        (HEADER, r"holds no event"),
    ],
)
def test_broken_arff_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    """An ARFF file that is wrong is refused with the line and the next step."""
    (tmp_path / "s.arff").write_text(text)
    with pytest.raises(SourceError, match=complaint):
        open_source(tmp_path / "s.arff")


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        ("<labels><label name='zz'/></labels>", r"1 are no attributes: \['zz'\]"),
        ("<labels/>", "names 0 labels"),
        ("<labels>", "is not XML"),
    ],
)
def test_a_foreign_xml_file_is_refused(tmp_path: Path, xml: str, complaint: str) -> None:
    """The XML file has to belong to the ARFF file."""
    (tmp_path / "s.arff").write_text(HEADER + "1,5\n")
    (tmp_path / "s.xml").write_text(xml)
    with pytest.raises(SourceError, match=complaint):
        open_source(tmp_path / "s.arff")


words = st.text(st.sampled_from("ab ,'\"\\{}%?"), min_size=1, max_size=8)


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from("'\""))
def test_quoting_keeps_every_character(values: list[str], quote: str) -> None:
    """What is quoted and escaped comes back as it was."""
    escaped = [value.replace("\\", "\\\\").replace(quote, f"\\{quote}") for value in values]
    line = ", ".join(f"{quote}{value}{quote}" for value in escaped)
    assert [_unquoted(field) for field in _fields(line)] == values


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines(tmp_path: Path, packed: bool) -> None:
    """Events come as they are written; what is none is left out and told of."""
    lines = ['{"id": "1", "ts": 0, "text": "a", "labels": ["x"]}', "", '{"id": 7}', '{"id": "3", "ts": 1}']
    data = "\n".join(lines).encode()
    path = tmp_path / ("s.jsonl.gz" if packed else "s.jsonl")
    path.write_bytes(gzip.compress(data) if packed else data)
    source = open_source(path)
    assert [source.message(position) for position in range(len(source))] == [
        Event(id="1", ts=0, text="a", labels=["x"]),
        Event(id="3", ts=1),
    ]
    assert source.vector(0) is None
    assert list(source.problems) == ["line 3: Expected `str`, got `int` - at `$.id`"]
    assert len(open_source(path, limit=1)) == 1


def test_a_folder_with_events(tmp_path: Path) -> None:
    """A folder that holds events.jsonl is read and named as the folder."""
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "events.jsonl").write_text('{"id": "1", "ts": 0, "text": "a", "labels": ["x"]}\n')
    assert open_source(tmp_path / "news").name == "news"


@pytest.mark.parametrize("sparse", [False, True])
def test_a_folder_of_arrays(tmp_path: Path, sparse: bool) -> None:
    """Dense and sparse arrays give the same messages."""
    x = np.array([row for row, _ in ROWS], dtype=np.float32)
    if sparse:
        scipy.sparse.save_npz(tmp_path / "X.npz", scipy.sparse.csr_matrix(x))
    else:
        np.savez(tmp_path / "X.npz", X=x)
    y = np.array([[1, 0], [0, 0], [1, 1]], dtype=np.uint8)
    scipy.sparse.save_npz(tmp_path / "Y.npz", scipy.sparse.csr_matrix(y))
    (tmp_path / "labels.txt").write_text("urban\nby the sea\n")
    assert_rows(open_source(tmp_path))
    (tmp_path / "labels.txt").write_text("urban\n")
    with pytest.raises(SourceError, match="1 labels are named"):
        open_source(tmp_path)
    (tmp_path / "labels.txt").unlink()
    with pytest.raises(SourceError, match=r"no labels\.txt"):
        open_source(tmp_path)


def test_vectors_of_sparse_arrays_are_their_own_sparse_part(tmp_path: Path) -> None:
    """At length 1; a row of zeros has none, and those of dense arrays have none."""
    x = np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    scipy.sparse.save_npz(tmp_path / "Y.npz", scipy.sparse.csr_matrix(np.ones((2, 1), dtype=np.uint8)))
    (tmp_path / "labels.txt").write_text("urban\n")
    np.savez(tmp_path / "X.npz", X=x)
    dense = open_source(tmp_path).vector(0)
    assert dense is not None
    assert given_part(dense) is None
    scipy.sparse.save_npz(tmp_path / "X.npz", scipy.sparse.csr_matrix(x))
    some, none = (open_source(tmp_path).vector(position) for position in (0, 1))
    assert some is not None
    assert none is not None
    part = given_part(some)
    assert part is not None
    assert (part.indices.tolist(), part.values.tolist()) == ([1, 2], pytest.approx([0.6, 0.8]))
    assert given_part(none) is None


def test_paths_that_are_no_stream(tmp_path: Path) -> None:
    """What is not there or not known is refused with the formats there are."""
    (tmp_path / "s.csv").write_text("a,b\n")
    (tmp_path / "s.jsonl").write_text("nonsense\n")
    (tmp_path / "s.jsonl.gz").write_text("not packed")
    for name, complaint in [
        ("nowhere", r"nothing at .*JSON lines"),
        ("s.csv", r"in no format that is read.*ARFF"),
        (".", r"in no format that is read"),
        ("s.jsonl", r"holds no event.*line 1: the value is not JSON"),
        ("s.jsonl.gz", r"cannot be unpacked"),
    ]:
        with pytest.raises(SourceError, match=complaint):
            open_source(tmp_path / name)


def test_flags() -> None:
    """A real set has the size and cardinality that are published of it."""
    source = open_source(real_data("flags"))
    events = labelled(source)
    assert len(events) == 194
    assert np.mean([len(event.labels or ()) for event in events]) == pytest.approx(3.3918, abs=1e-4)
    first = source.vector(0)
    assert first is not None
    assert first.shape == (19,)
