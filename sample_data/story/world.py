"""Dice, calendar, campaigns and pages: everything the story's people are placed in."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1000
END = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * 1000
DAYS = (END - START) // DAY
SITE = "https://tidyboards.example"


class Dice:
    """Chance that comes out the same everywhere: only `random()`, whose sequence Python promises to keep."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random(":".join(map(str, seed))).random

    def yes(self, chance: float) -> bool:
        return self._random() < chance

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def wait(self, mean: float) -> float:
        return -mean * math.log(1 - self._random())

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._random() * len(items))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        left = self._random() * sum(weights.values())
        for item, weight in weights.items():
            left -= weight
            if left < 0:
                return item
        return item

    def some(self, items: Sequence[T], n: int) -> list[T]:
        rest = list(items)
        return [rest.pop(int(self._random() * len(rest))) for _ in range(min(n, len(rest)))]

    def hex(self, n: int) -> str:
        return "".join("0123456789abcdef"[int(self._random() * 16)] for _ in range(n))

    def uuid(self) -> str:
        h = self.hex(30)
        return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-a{h[15:18]}-{h[18:30]}"


class Campaign(NamedTuple):
    """A campaign as its links are tagged, with how often it is someone's first touch and what its people are like."""

    name: str | None
    source: str | None
    medium: str | None
    content: str | None
    referrer: str
    landing: str
    weight: float
    first_day: int = 0
    last_day: int = DAYS - 1
    sign_up: float = 1.0


CAMPAIGNS = [
    Campaign(None, None, None, None, "", "/", 0.25),
    Campaign(None, None, None, None, "https://www.google.com/", "/", 0.22, sign_up=1.1),
    Campaign("brand_search", "google", "cpc", "headline_a", "https://www.google.com/", "/", 0.15, sign_up=1.25),
    Campaign(
        "spring_giveaway",
        "facebook",
        "paid_social",
        "win_a_tablet",
        "https://www.facebook.com/",
        "/giveaway",
        0.10,
        36,
        56,
    ),
    Campaign(
        "launch_week",
        "producthunt",
        "referral",
        "badge",
        "https://www.producthunt.com/",
        "/",
        0.08,
        64,
        71,
        sign_up=1.1,
    ),
    Campaign(
        "templates_guide",
        "linkedin",
        "paid_social",
        "carousel",
        "https://www.linkedin.com/",
        "/templates",
        0.08,
        20,
        110,
    ),
    Campaign(
        "partner_webinar", "kiteline", "partner", "recording", "https://kiteline.example/", "/webinar", 0.06, 10, 90
    ),
    Campaign(
        "retargeting", "adroll", "display", "banner_300x250", "https://news.example/", "/pricing", 0.06, sign_up=0.7
    ),
]
GIVEAWAY = CAMPAIGNS[3]
WEBINAR = CAMPAIGNS[6]

TITLES = {
    "/": "Tidy Boards: plans that people keep",
    "/features": "Features",
    "/pricing": "Pricing",
    "/templates": "Template gallery",
    "/integrations": "Integrations",
    "/customers": "Customer stories",
    "/security": "Security",
    "/docs/getting-started": "Getting started",
    "/demo": "See a demo",
    "/giveaway": "Win a tablet",
    "/webinar": "Webinar: planning without meetings",
    "/signup": "Create your account",
    "/invite": "You have been invited",
    "/app": "Your boards",
    "/blog": "Blog",
}
ROAMING = {
    "/": 3,
    "/features": 4,
    "/pricing": 3,
    "/integrations": 1.5,
    "/customers": 1.2,
    "/security": 0.4,
    "/docs/getting-started": 1,
    "/blog": 1.5,
}


class Article(NamedTuple):
    """A blog article: how many visitors read it, and what reading it goes with."""

    slug: str
    title: str
    readers: float
    sign_up: float = 1.0


ARTICLES = [
    Article("office-memes", "The 30 best office memes", 0.13, 0.45),
    Article("kanban-basics", "Kanban in ten minutes", 0.08),
    Article("remote-standups", "Stand-ups for teams that never meet", 0.06, 1.9),
    Article("weekly-review", "A weekly review that sticks", 0.05),
    Article("okr-templates", "Goals without the theatre", 0.05),
    Article("estimating-work", "Why estimates are wrong, and what helps", 0.04),
    Article("buying-guide", "How to choose a planning tool for 200 people", 0.03),
]
BUYING_GUIDE = ARTICLES[-1]
TITLES |= {f"/blog/{article.slug}": article.title for article in ARTICLES}

TEMPLATES = ["Content calendar", "Product roadmap", "Hiring pipeline", "Event checklist", "Sprint board", "Home move"]

_HOURS = dict(enumerate([1, 1, 1, 1, 1, 2, 4, 9, 14, 16, 15, 12, 10, 13, 15, 14, 11, 8, 6, 6, 6, 5, 3, 2]))


def moment(dice: Dice, day: int) -> int:
    """Some moment of a day of the story, more likely in working hours, in ms since 1970."""
    return START + day * DAY + dice.weighted(_HOURS) * HOUR + dice.whole(0, HOUR - 1)


def later(dice: Dice, t: int, days: float) -> int:
    """A moment in about so many days after `t`: at a working hour, never before an hour has passed."""
    if days < 1:
        return t + HOUR + int(days * DAY)
    return max(moment(dice, (t - START) // DAY + round(days)), t + HOUR)


def weekend(day: int) -> bool:
    return (day + 6) % 7 >= 5  # 1 March 2026 was a Sunday
