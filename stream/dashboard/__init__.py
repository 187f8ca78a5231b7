"""The dashboard: what workers write about themselves, as a web page that people keep open.

It reads the output topics alone (predictions, drift, label-stats, dead letters), so it shows all workers
of a stream, and shows a replay as well as production. `feed` reads the records, `stream_state` takes them in
(the latest predictions in `recent_predictions`, what is known of labels in `label_figures`, sums over time in
`series`), `lag` measures how far the workers are behind, `views` answers what the page asks for, `web` serves
it, and the page in `assets` draws.

Made with Starlette and uvicorn, which the service has for its metrics anyway, and one page of plain
JavaScript, SVG and CSS. Weighed in November 2026, all of them kept well, with a release in the last four
months and free licences:

* NiceGUI 3.18 (MIT, 21 MB) and Panel 1.10 (BSD, 23 MB) ship their assets, but keep every element of the
  page as an object on the server, one set a visitor, and send each change through it: 10,000 labels want
  paging and drawing in the browser, that is own JavaScript in a frame that is not ours.
* Streamlit 1.67 (Apache-2.0, 11 MB) runs the whole script anew for each change of anything, and redraws.
* Dash 4.4 (MIT, 9 MB) wants Flask beside the Starlette we serve with; its tables page in the browser, with
  all rows sent there.
* Bokeh 3.10 (BSD, 7 MB) draws on a canvas, where neither a keyboard nor a screen reader finds anything.

What they would save is the drawing of lines, rows and a tree: 900 lines of JavaScript and CSS here. What they
cost is 7 to 23 MB with more requirements than all of the service has, focus and contrast that are theirs to
decide, and pages that a browser test can only look at. The page here is made of links, buttons, tables and
SVG with titles, which keyboards, screen readers and tests find their way in; it asks for nothing elsewhere.
"""

from stream.dashboard.access import Guard
from stream.dashboard.feed import Feed, read_file
from stream.dashboard.output_records import OutputRecord
from stream.dashboard.stream_state import StreamState
from stream.dashboard.web import application

__all__ = [
    "Feed",
    "Guard",
    "OutputRecord",
    "StreamState",
    "application",
    "read_file",
]
