"""Sources: every dialect gives the same messages, and what cannot be read says why."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from learners.core import given_part
from stream.records import MAX_NUMBER
from stream.records.schema import Event, Labelled
from stream.sources import Source, SourceError, open_source
from stream.sources.arff import _fields, _unquoted
from tests.data import real_data

ROWS = [
    ([1.5, 0.0, 0.0, 0.0, 1.0], ["urban"]),
    ([0.0, 0.0, 1.0, 0.0, 0.0], []),
    ([float("nan"), -1.0, 0.0, 1.0, 0.0], ["urban", "by the sea"]),
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
@ATTRIBUTE kind {small, 'mid size', large}
@ATTRIBUTE urban {false,true}
@ATTRIBUTE "by the sea" numeric
@DATA
{0 1.5,2 large,3 true}
{3 false}
{0 ?,1 -1,2 'mid size',3 true,4 1}
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


PLAIN = "@relation '-C 1'\n@attribute a {0,1}\n@attribute x numeric\n@data\n1,5\n0,6\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace(",1}", ",1} % first").replace("@data", "@data % two").replace("1,5", "1,5 % one"),
        PLAIN.replace("@data\n1,5\n0,6", "@DATA\n1\t5\n0 6"),
        PLAIN.replace("numeric", "REAL\t[0, 7]"),
        PLAIN.replace("numeric", "integer[0,7]"),
        PLAIN.replace("1,5\n0,6", "1,5,{0.5}\n0,6, {2}"),
        PLAIN.replace("1,5\n0,6", "{0 1, 1 5}, {0.5}\n{1 6} {2}"),
        PLAIN.replace("1,5\n0,6", "{0 1\t1 5}\n{1\t6}"),
        PLAIN.replace("{0,1}", "{1,0}"),
        PLAIN.replace("{0,1}", "{TRUE,FALSE}").replace("1,5\n0,6", "TRUE,5\nFALSE,6"),
        PLAIN.replace("{0,1}", "{TRUE,FALSE}").replace("1,5\n0,6", "{1 5}\n{0 FALSE, 1 6}"),
        PLAIN.replace("{0,1}", "{Yes no}").replace("1,5\n0,6", "Yes,5\nno,6"),
        PLAIN.replace("{0,1}", "{off, on}").replace("1,5\n0,6", "on,5\noff,6"),
        PLAIN.replace("{0,1}", "numeric"),
    ],
)
@pytest.mark.parametrize("name", ["s.arff", "s.ARFF.GZ", "gzipped-without-saying-so.arff"])
def test_files_as_people_have_them(tmp_path: Path, text: str, name: str) -> None:
    """However lines end, values are parted and yes and no are spelled, it is the same table."""
    data = text.encode()
    (tmp_path / name).write_bytes(data if name == "s.arff" else gzip.compress(data))
    assert messages(open_source(tmp_path / name)) == [([5.0], ["a"]), ([6.0], [])]


def test_labels_that_are_always_or_never_there(tmp_path: Path) -> None:
    """A nominal of one value has no other."""
    header = "@relation '-C 2'\n@attribute a {1}\n@attribute b {0}\n@attribute x numeric\n"
    (tmp_path / "s.arff").write_text(f"{header}@data\n1,0,5\n{{2 6}}\n")
    assert messages(open_source(tmp_path / "s.arff")) == [([5.0], ["a"]), ([6.0], ["a"])]


def test_a_name_that_is_not_utf_8_is_readable(tmp_path: Path) -> None:
    """Windows-1252 is what such files are in; UTF-16 is said to be it."""
    (tmp_path / "s.arff").write_bytes(PLAIN.replace(" a ", " déjà ").encode("cp1252"))
    assert labelled(open_source(tmp_path / "s.arff"))[0].labels == ["déjà"]
    (tmp_path / "s.arff").write_text(PLAIN, encoding="utf-16")
    with pytest.raises(SourceError, match="is in UTF-16"):
        open_source(tmp_path / "s.arff")


@pytest.mark.parametrize("file", ["s.xml", "names.XML", "names.txt"])
def test_one_file_of_names_for_the_parts_of_a_set(tmp_path: Path, file: str) -> None:
    """Mulan has one XML for -train and -test; any other is an option's."""
    given = "<labels><label name='a'/></labels>" if file.lower().endswith("xml") else "\n a\r\n"
    (tmp_path / file).write_text(given)
    named = None if file == "s.xml" else tmp_path / file
    for name in ("s-train.arff", "s-test.arff", "s_TEST.arff"):
        (tmp_path / name).write_text(PLAIN.replace("-C 1", "s"))
        assert messages(open_source(tmp_path / name, labels=named)) == [([5.0], ["a"]), ([6.0], [])]
    (tmp_path / "t-train.arff").write_text(PLAIN.replace("-C 1", "s"))
    with pytest.raises(SourceError, match=r"--labels .*t-train\.xml or t\.xml"):
        open_source(tmp_path / "t-train.arff")


def test_nominal_features(tmp_path: Path) -> None:
    """Of two values the rarer is 1, whatever their order; of more each has a column; missing stays so."""
    header = (
        "@relation '-C 1'\n@attribute a {0,1}\n@attribute mostly {YES,NO}\n@attribute x numeric\n"
        "@attribute seldom {YES,NO}\n@attribute one {z}\n@attribute three {p,q,r}\n"
    )
    rows = "0,NO,1,NO,z,p\n0,NO,2,NO,z,q\n0,?,3,NO,z,?\n0,YES,4,YES,z,r\n0,NO,5,?,z,p\n"
    (tmp_path / "s.arff").write_text(f"{header}@data\n{rows}")
    nan = float("nan")
    expected = [
        [0, 1, 0, 0, 1, 0, 0],
        [0, 2, 0, 0, 0, 1, 0],
        [nan, 3, 0, 0, nan, nan, nan],
        [1, 4, 1, 0, 0, 0, 1],
        [0, 5, nan, 0, 1, 0, 0],
    ]
    np.testing.assert_array_equal([x for x, _ in messages(open_source(tmp_path / "s.arff"))], expected)
    sparse = "{2 1}\n{1 NO,2 2,3 NO,5 q}\n"
    (tmp_path / "s.arff").write_text(f"{header}@data\n{sparse}")
    assert messages(open_source(tmp_path / "s.arff"))[0][0] == [0, 1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("number", ["inf", "-Infinity", "1e39", "1e999"])
def test_rows_with_a_number_that_cannot_be_learned_are_left_out(tmp_path: Path, number: str) -> None:
    """As the service would send such an event to the dead letters, and go on."""
    (tmp_path / "s.arff").write_text(PLAIN.replace("0,6", f"1,{number}\n0,6"))
    source = open_source(tmp_path / "s.arff")
    assert messages(source) == [([5.0], ["a"]), ([6.0], [])]
    assert [each.split(";")[0] for each in source.problems] == [f"line 6: x is {number}"]


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_of_arrays_with_a_number_that_cannot_be_learned(tmp_path: Path, sparse: bool) -> None:
    """Beyond float32, or infinite; NaN is a missing one."""
    x = np.array([[1.0, np.nan], [np.inf, 0.0], [-MAX_NUMBER, MAX_NUMBER], [0.0, -1e39]])
    if sparse:
        scipy.sparse.save_npz(tmp_path / "X.npz", scipy.sparse.csr_matrix(x))
    else:
        np.savez(tmp_path / "X.npz", X=x)
    y = scipy.sparse.csr_matrix(np.eye(4, dtype=np.uint8))
    scipy.sparse.save_npz(tmp_path / "Y.npz", y)
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\n")
    source = open_source(tmp_path)
    assert [labels for _, labels in messages(source)] == [["a"], ["c"]]
    assert [problem.split(":")[0] for problem in source.problems] == ["row 1", "row 3"]


def test_unknown_labels_are_not_negatives(tmp_path: Path) -> None:
    """A question mark in a label makes the message incomplete, and only there."""
    header = (
        "@relation '-C 3'\n@attribute a {0,1}\n@attribute b {0,1}\n@attribute c {0,1}\n@attribute x numeric\n"
    )
    (tmp_path / "s.arff").write_text(f"{header}@data\n1,?,0,5\n1,0,0,5\n")
    first, second = labelled(open_source(tmp_path / "s.arff"))
    assert (first.labels, first.labels_complete, first.not_) == (["a"], False, ["c"])
    assert (second.labels, second.negative) == (["a"], None)


def test_labels_are_named_as_the_service_writes_them(tmp_path: Path) -> None:
    """In composed form, without what is not seen at the ends: so the same label has the same name."""
    header = (
        "@relation '-C 2'\n@attribute 'cafe\u0301 ' {0,1}\n@attribute \u200bb/c {0,1}\n@attribute x real\n"
    )
    (tmp_path / "s.arff").write_text(f"{header}@data\n1,1,5\n1,?,5\n0,?,4\n")
    first, second, third = labelled(open_source(tmp_path / "s.arff"))
    assert (first.labels, second.labels, third.not_) == (["caf\u00e9", "b/c"], ["caf\u00e9"], ["caf\u00e9"])
    np.savez(tmp_path / "X.npz", X=np.ones((1, 2)))
    scipy.sparse.save_npz(tmp_path / "Y.npz", scipy.sparse.csr_matrix([[1, 1]]))
    (tmp_path / "labels.txt").write_text("cafe\u0301 \n\u200bb/c\n")
    assert [labels for _, labels in messages(open_source(tmp_path))] == [["caf\u00e9", "b/c"]]
    (tmp_path / "labels.txt").write_text("a\n//\n")
    with pytest.raises(SourceError, match="label 2 is '//'"):
        open_source(tmp_path)


HEADER = "@relation '-C 1'\n@attribute a {0,1}\n@attribute x numeric\n@data\n"
TWICE = HEADER.replace("-C 1", "-C 2").replace("@attribute x", "@attribute a {0,1}\n@attribute x") + "1,0,5\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + "1,5\n1\n", r"line 6: .* 1 values for 2 attributes"),
        (HEADER + "1,five\n", r"line 5: .*could not convert string to float: 'five'"),
        (HEADER + "2,5\n", r"line 5: .*a is 2, which is none of its values"),
        (HEADER + "{0 1, 7 5}\n", r"line 5: .*out of range"),
        (HEADER + "{0 1, 7 5}\n", r"line 5: .*attribute '7' is out of range: they are 0 to 1"),
        (HEADER + "{1.0 5}\n", r"line 5: .*attribute '1.0' is out of range"),
        (HEADER + "{0_1 5}\n", r"line 5: .*attribute '0_1' is out of range"),
        (HEADER + "1,1_000\n", r"line 5: .*could not convert string to float: '1_000'"),
        (HEADER + f"1,{'x' * 10_000}\n", r"^.{,300}$"),
        (HEADER + f"1,{'9' * 10_000}\n", r"^.{,400}$"),
        (HEADER + f"{'7' * 10_000},1\n", r"^.{,300}$"),
        (HEADER.replace("-C 1", f"-C {'9' * 5_000}"), r"does not say which attributes are labels"),
        (TWICE, r"1 labels that are named more than once, such as 'a'"),
        (TWICE.replace("@attribute a {0,1}\n@attribute x", "@attribute 'a ' {0,1}\n@attribute x"), "'a'"),
        (HEADER.replace(" a ", " '\u200b' ") + "1,5\n", r"s\.arff: label 1 is .*visible.* Name it"),
        (HEADER.replace(" a ", " a//b ") + "1,5\n", r"s\.arff: label 1 is 'a//b', a path with an empty part"),
        (HEADER.replace(" a ", f" {'a' * 5_000} ") + "1,5\n", r"label 1 has 5000 characters; a name has 1"),
        (HEADER + "{0 1, 0 1}\n", r"line 5: .*given twice"),
        (HEADER + "{0 1 1}\n", r"line 5: .*pairs of an attribute"),
        (HEADER + "{0 1, 1 '5}\n", r"line 5: .*quote is not closed"),
        (HEADER + "1,5,{x}\n", r"line 5: .* 3 values for 2 attributes"),
        (HEADER + "{0 1\n", r"line 5: .*ends with '\}'"),
        (HEADER + "1,'5\n", r"line 5: .*quote is not closed"),
        (HEADER.replace("numeric", "string"), r"line 3: attribute 'x' is of type 'string'.*JSON lines"),
        (HEADER.replace("{0,1}", "{no,perhaps}"), r"label 'a' has the values \['no', 'perhaps'\]"),
        (HEADER.replace("{0,1}", "{no,yes,on}"), r"label 'a' has the values"),
        (HEADER.replace("{0,1}", "{1,yes}"), r"label 'a' has the values"),
        ("\ufeff" + "x,y\n", r"line 1: got 'x,y'"),
        (HEADER.replace("{0,1}", "numeric") + "7,1\n", r"label 'a' is neither 0 nor 1 but 7\."),
        (HEADER.replace("x numeric", "x {b,'b',c}") + "1,b\n", r"line 3: attribute 'x' names a value twice"),
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
        ("<?xml version='1.0' encoding='klingon'?><labels/>", "is not XML: unknown encoding"),
    ],
)
def test_a_foreign_xml_file_is_refused(tmp_path: Path, xml: str, complaint: str) -> None:
    """The XML file has to belong to the ARFF file."""
    (tmp_path / "s.arff").write_text(HEADER + "1,5\n")
    (tmp_path / "s.xml").write_text(xml)
    with pytest.raises(SourceError, match=complaint):
        open_source(tmp_path / "s.arff")


def test_a_quote_at_one_end_is_a_character() -> None:
    """As the apostrophe of a plural."""
    assert [_unquoted(text) for text in ("a'", "'a", "'a'", "'", "''")] == ["a'", "'a", "a", "'", ""]


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
    assert list(source.problems) == ["line 3: Expected `str`, got `int` - at `$.id`: ts is missing"]
    assert len(open_source(path, limit=1)) == 1


@pytest.mark.parametrize("name", ["s.jsonl", "s.NDJSON.GZ"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_json_lines_as_people_have_them(tmp_path: Path, name: str, end: str) -> None:
    """With a byte order mark, any end of line, and any spelling of the name."""
    text = "\ufeff" + end.join(f'{{"id": "{n}", "ts": 0, "text": "ä\u2028", "labels": []}}' for n in range(3))
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("GZ") else data)
    source = open_source(tmp_path / name)
    assert [each.id for each in labelled(source)] == ["0", "1", "2"]
    assert not source.problems


@pytest.mark.parametrize("name", ["s.jsonl.gz", "s.arff.GZ"])
def test_files_that_break_off(tmp_path: Path, name: str) -> None:
    """Said to be cut off, whatever they hold."""
    text = PLAIN + "0,1\n" * 1000 if "arff" in name else '{"id": "1", "ts": 0, "labels": []}\n' * 1000
    whole = gzip.compress(text.encode())
    for broken in (whole[:-4], whole[: len(whole) // 2], whole[:20] + b"\xff" * 20):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(SourceError, match="cannot be unpacked"):
            open_source(tmp_path / name)


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


def test_values_that_a_sparse_array_has_twice_in_a_place(tmp_path: Path) -> None:
    """They are added up, as scipy does: the last one was taken."""
    values = np.array([3, 1, 2, 5], dtype=np.float32)
    twice = scipy.sparse.csr_matrix((values, [2, 0, 0, 1], [0, 3, 4]), shape=(2, 3))
    scipy.sparse.save_npz(tmp_path / "X.npz", twice)
    scipy.sparse.save_npz(tmp_path / "Y.npz", scipy.sparse.csr_matrix([[1], [0]]))
    (tmp_path / "labels.txt").write_text("urban\n")
    x = open_source(tmp_path).vector(0)
    assert x is not None
    assert x.tolist() == twice.toarray()[0].tolist() == [3.0, 0.0, 3.0]


@pytest.mark.parametrize(
    "y",
    [
        scipy.sparse.csr_matrix(np.array([[1, -1], [-1, 1]], dtype=np.int8)),
        scipy.sparse.csr_matrix([[1.0, np.nan], [0.0, 1.0]]),
        scipy.sparse.csr_matrix([[0.9, 0.2], [0.1, 1.0]]),
        scipy.sparse.csr_matrix((np.ones(3, dtype=np.uint8), [0, 1, 1], [0, 3, 3]), shape=(2, 2)),
    ],
    ids=["-1", "nan", "chance", "twice"],
)
def test_labels_that_are_neither_on_nor_off(tmp_path: Path, y: scipy.sparse.csr_matrix) -> None:
    """They are refused, as in ARFF: each would be a label that is on."""
    np.savez(tmp_path / "X.npz", X=X)
    scipy.sparse.save_npz(tmp_path / "Y.npz", y)
    (tmp_path / "labels.txt").write_text("a\nb\n")
    with pytest.raises(
        SourceError, match=r"Y\.npz has \d values that are neither 0 nor 1, such as .* Store 1"
    ):
        open_source(tmp_path)


X, Y = np.eye(2, dtype=np.float32), scipy.sparse.csr_matrix(np.eye(2))


@pytest.mark.parametrize(
    ("x", "complaint"),
    [
        ({}, "does not contain a sparse"),
        ({"X": X[0]}, "has the shape"),
        ({"X": np.float32(1)}, "has the shape"),
        ({"X": X.reshape(2, 2, 1)}, "has the shape"),
        ({"X": X.astype(complex)}, "the type complex"),
        ({"X": X.astype(str)}, "the type <U"),
        ({"X": X.astype("M8[D]")}, "the type datetime"),
        ({"X": X.astype(object)}, "Object arrays cannot be loaded"),
        ({"format": b"csr", "shape": (2, 2), "data": [1.0]}, "indices is not a file"),
        ({"format": b"csr", "shape": (2, 2), "data": [1.0], "indices": [9], "indptr": [0, 1, 1]}, "indices"),
        ({"format": b"csr", "shape": (2, 2), "data": [1.0], "indices": [0], "indptr": [1, 1, 0]}, "pointer"),
    ],
)
def test_arrays_that_are_none(tmp_path: Path, x: dict[str, Any], complaint: str) -> None:
    """They are refused with the file and how to write it."""
    np.savez(tmp_path / "X.npz", **x)
    scipy.sparse.save_npz(tmp_path / "Y.npz", Y)
    (tmp_path / "labels.txt").write_text("a\nb\n")
    with pytest.raises(SourceError, match=rf"X\.npz cannot be read: .*{complaint}.*save_npz"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("part", "content", "complaint"),
    [
        ("X.npz", b"", "X.npz cannot be read"),
        ("X.npz", b"nonsense", "X.npz cannot be read"),
        ("Y.npz", b"PK\x03\x04", "Y.npz cannot be read"),
        ("labels.txt", "a\nb\n".encode("utf-16"), "labels.txt is not in UTF-8"),
        ("labels.txt", b"\xe4\nb\n", "labels.txt is not in UTF-8"),
        ("labels.txt", b"a\na\n", "1 labels that are named more than once, such as 'a'"),
    ],
)
def test_parts_of_a_folder_that_are_something_else(
    tmp_path: Path, part: str, content: bytes, complaint: str
) -> None:
    """They are refused by name; two labels of one name would be counted as one."""
    np.savez(tmp_path / "X.npz", X=X)
    scipy.sparse.save_npz(tmp_path / "Y.npz", Y)
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbfa\nb\n")
    assert open_source(tmp_path).message(0) == Event(id="0", ts=0.0, labels=["a"])
    (tmp_path / part).write_bytes(content)
    with pytest.raises(SourceError, match=complaint):
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
