"""The dashboard: the workers' output topics as a live web page.

`stream.monitoring` knows the stream; `views`, `drift_views`, `label_views` and `message_views` compute what
the page requests, `web` serves it, `access` guards it, and the page in `assets` draws it.

The page asks once a second whether anything changed, while it is looked at, and otherwise not at all. An
event stream would need a connection for each open tab, of which browsers allow six to a host; proxies with
their default settings hold events back; and a stream that hangs looks like one without news. A request that
fails or gets no answer within its time is just sent again.

Built with Starlette and uvicorn, which the service needs for its metrics anyway, and one page of plain
JavaScript, SVG and CSS. Compared in November 2026, all of them well maintained, with a release in the last
four months and free licences:

* NiceGUI 3.18 (MIT, 21 MB) and Panel 1.10 (BSD, 23 MB) ship their assets, but keep every element of the
  page as an object on the server, one set per visitor, and send each change through it: 10,000 labels need
  paging and drawing in the browser, which is own JavaScript in a foreign framework.
* Streamlit 1.67 (Apache-2.0, 11 MB) runs the whole script again for every change, and redraws.
* Dash 4.4 (MIT, 9 MB) needs Flask beside the Starlette we serve with; its tables page in the browser, with
  all rows sent there.
* Bokeh 3.10 (BSD, 7 MB) draws on a canvas, which is inaccessible to keyboards and screen readers.

They would save the drawing of lines, rows and a tree: 1,000 lines of JavaScript and CSS here. They would
cost 7 to 23 MB, more requirements than the whole service has, no control over focus and contrast, and
pages that a browser test can only compare as pictures. The page here consists of links, buttons, tables
and SVG with titles, which keyboards, screen readers and tests can use; it loads nothing from elsewhere.
"""

from stream.dashboard.access import Guard
from stream.dashboard.web import application

__all__ = [
    "Guard",
    "application",
]
