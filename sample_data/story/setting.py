"""The setting of the story: random draws, calendar, campaigns and pages."""

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
    """Random draws that are the same everywhere: only from `random()`, whose sequence Python promises to keep."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random(":".join(map(str, seed))).random

    def flip(self, chance: float) -> bool:
        return self._random() < chance

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def exponential(self, mean: float) -> float:
        return -mean * math.log(1 - self._random())

    def choice(self, items: Sequence[T]) -> T:
        return items[int(self._random() * len(items))]

    def weighted_choice(self, weights: Mapping[T, float]) -> T:
        left = self._random() * sum(weights.values())
        for item, weight in weights.items():
            left -= weight
            if left < 0:
                return item
        return item

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        rest = list(items)
        return [rest.pop(int(self._random() * len(rest))) for _ in range(min(n, len(rest)))]

    def hex_digits(self, n: int) -> str:
        return "".join("0123456789abcdef"[int(self._random() * 16)] for _ in range(n))

    def uuid(self) -> str:
        h = self.hex_digits(30)
        return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-a{h[15:18]}-{h[18:30]}"


class Campaign(NamedTuple):
    """A campaign as its links are tagged, how often it is the first touch, and how likely its people are to sign up."""

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
    "/import": "Bring your boards with you",
    "/compare": "Tidy Boards and five others",
    "/blog": "Blog",
}
PAGE_WEIGHTS = {
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
    """A blog article: the share of visitors who read it, and how reading it changes the chance to sign up."""

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


def random_moment(dice: Dice, day: int) -> int:
    """Draw a moment on a day of the story, more likely in working hours, in ms since 1970."""
    return START + day * DAY + dice.weighted_choice(_HOURS) * HOUR + dice.integer(0, HOUR - 1)


def later_moment(dice: Dice, t: int, days: float) -> int:
    """Draw a moment about so many days after `t`: in working hours, and at least one hour later."""
    if days < 1:
        return t + HOUR + int(days * DAY)
    return max(random_moment(dice, (t - START) // DAY + round(days)), t + HOUR)


def is_weekend(day: int) -> bool:
    return (day + 6) % 7 >= 5  # 1 March 2026 was a Sunday
