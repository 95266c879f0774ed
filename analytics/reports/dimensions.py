"""Every dimension that stands in the catalogue by name; `event:props:KEY` is made there for any key."""

from __future__ import annotations

from dataclasses import dataclass

PROPS = "event:props:"
EXIT_PAGE = "visit:exit_page"
GOAL = "event:goal"
"""One value for each goal that an event reaches: it counts in all of them."""
PAGE = "event:page"


@dataclass(frozen=True, slots=True)
class Dimension:
    name: str
    column: str
    """Of the table `event`; for `time:*` the SQL over `{local}`, for `event:props:*` the key."""
    label: str
    text: str = "{sql}"
    """Its text in SQL; of `time:*` the text that filters look at."""
    form: str = ""
    """`time:*` only: its text in Python, by `format()`."""

    @property
    def scope(self) -> str:
        """`event`, `visit` or `time`."""
        return self.name.partition(":")[0]

    @property
    def is_bucket(self) -> bool:
        """A stretch of the calendar, such as a day; the buckets of a range can be listed."""
        return self.name in BUCKETS


_STORED = (
    Dimension("event:name", "name", "Event"),
    Dimension("event:page", "path", "Page"),
    Dimension("event:hostname", "host", "Hostname"),
    Dimension("event:page_title", "title", "Page title"),
    Dimension("event:category", "category", "Left out as"),
    Dimension("event:currency", "currency", "Currency"),
    Dimension("event:scroll_percent", "scroll_percent", "Scrolled to", text="CAST({sql} AS varchar)"),
    Dimension("visit:entry_page", "entry_path", "Entry page"),
    Dimension("visit:source", "source", "Source"),
    Dimension("visit:medium", "medium", "Medium"),
    Dimension("visit:referrer", "referrer", "Referrer"),
    Dimension("visit:channel", "channel", "Channel"),
    Dimension("visit:utm_source", "utm_source", "UTM source"),
    Dimension("visit:utm_medium", "utm_medium", "UTM medium"),
    Dimension("visit:utm_campaign", "utm_campaign", "UTM campaign"),
    Dimension("visit:utm_content", "utm_content", "UTM content"),
    Dimension("visit:utm_term", "utm_term", "UTM term"),
    Dimension("visit:device", "device", "Device"),
    Dimension("visit:browser", "browser", "Browser"),
    Dimension("visit:browser_version", "browser_version", "Browser version"),
    Dimension("visit:os", "os", "Operating system"),
    Dimension("visit:os_version", "os_version", "Operating system version"),
    Dimension("visit:screen", "screen", "Screen"),
    Dimension("visit:language", "language", "Language"),
    Dimension("visit:country", "country", "Country"),
    Dimension("visit:region", "region", "Region"),
    Dimension("visit:city", "city", "City"),
)
_DAY = "CAST(date_trunc('{unit}', {{local}}) AS date)"
_CLOCK = "date_trunc('{unit}', {{local}})"
_TIME = (
    Dimension("time:minute", _CLOCK.format(unit="minute"), "Minute", form="%Y-%m-%d %H:%M:%S"),
    Dimension("time:hour", _CLOCK.format(unit="hour"), "Hour", form="%Y-%m-%d %H:%M:%S"),
    Dimension("time:day", _DAY.format(unit="day"), "Day", form="%Y-%m-%d"),
    Dimension("time:week", _DAY.format(unit="week"), "Week", form="%Y-%m-%d"),
    Dimension("time:month", _DAY.format(unit="month"), "Month", form="%Y-%m-%d"),
    Dimension("time:weekday", "CAST(extract(isodow FROM {local}) AS integer)", "Weekday", form="d"),
    Dimension(
        "time:hour_of_day", "CAST(extract(hour FROM {local}) AS integer)", "Hour of day",
        text="lpad({sql}, 2, '0')", form="02d",
    ),
)  # fmt: skip
BUCKETS = frozenset({"time:minute", "time:hour", "time:day", "time:week", "time:month"})
APART = {EXIT_PAGE: Dimension(EXIT_PAGE, "", "Exit page"), GOAL: Dimension(GOAL, "", "Goal")}
"""What an event alone does not tell."""
ALL = (*_STORED, *APART.values(), *_TIME)
