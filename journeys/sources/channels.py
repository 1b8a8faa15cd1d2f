"""GA4's default channel groups, by source, medium and campaign, else by the site that an arrival came from."""

from __future__ import annotations

from functools import cache

import polars as pl

# What may follow a site's name: one country or kind, or a kind below a country.
ENDING = r"(?:\.(?:com?|net|org|ne|or))?\.[a-z]{2,6}"
# Visitors from a search engine's other services (accounts, documents, mail) have not searched.
SEARCHING = r"(?:(?:www|m|r|search|images|html|lite|start|cse|[a-z]{2}|espanol|malaysia)\.)*"
SEARCH_ENGINES = (
    "google", "bing", "yahoo", "duckduckgo", "baidu", "ecosia", "yandex", "qwant", "startpage", "naver", "ask", "aol",
    "daum", "dogpile", "lycos", "msn", "rambler", "seznam", "sogou", "virgilio",
)  # fmt: skip
SEARCH_SITES = (
    "ya.ru", "360.cn", "so.com", "go.mail.ru", "search.brave.com", "com.google.android.googlequicksearchbox",
    "google-play", "googlemybusiness",
)  # fmt: skip
SOCIAL_NETWORKS = (
    "facebook", "instagram", "linkedin", "twitter", "reddit", "tiktok", "pinterest", "mastodon", "threads", "bluesky",
    "whatsapp", "telegram", "quora", "snapchat", "tumblr", "weibo", "xing", "yelp", "flickr", "livejournal",
    "messenger", "myspace", "nextdoor", "meetup", "disqus", "wechat", "medium", "goodreads", "glassdoor", "deviantart",
    "douban", "kakao", "stackoverflow", "stackexchange", "tripadvisor", "trustpilot", "viadeo",
)  # fmt: skip
SOCIAL_SITES = (
    "fb", "fb.me", "fb.com", "ig", "lnkd", "lnkd.in", "x", "x.com", "t.co", "t.me", "vk", "vk.com", "ok.ru", "bsky.app",
    "threads.net", "mastodon.social", "redd.it", "pin.it", "line.me", "news.ycombinator.com", "com.facebook.katana",
    "com.instagram.android", "com.linkedin.android", "com.reddit.frontpage", "com.twitter.android", "com.pinterest",
    "org.telegram.messenger", "com.whatsapp",
)  # fmt: skip
VIDEO_SITES = (
    "youtube", "vimeo", "twitch", "dailymotion", "netflix", "hulu", "disneyplus", "crackle", "crunchyroll", "iqiyi",
    "wistia", "youku",
)  # fmt: skip
SHOPPING = r"(?:(?:www|m|smile|apps|checkout|[a-z]{2})\.)*"
SHOPS = (
    "amazon", "ebay", "etsy", "alibaba", "aliexpress", "shopify", "walmart", "mercadolibre", "shopping", "igshopping",
    "google shopping",
)  # fmt: skip
PAID = r"^(.*cp.*|ppc|retargeting|paid.*)$"
EMAIL = r"^e[-_ ]?mail$"
# The part of a host that has one owner; hosts below a suffix such as github.io have different owners.
NUMBERS = r"^(\d+\.\d+\.\d+\.\d+)$"
OWNER = (
    r"([^.]+\.(?:(?:com?|org|net|ac|gov|edu|ne|or|gob|ltd|plc)\.[a-z]{2}|git(?:hub|lab)\.io|herokuapp\.com|vercel\.app"
    r"|netlify\.app|pages\.dev|workers\.dev|web\.app|firebaseapp\.com|appspot\.com|azurewebsites\.net|cloudfront\.net"
    r"|onrender\.com|fly\.dev|myshopify\.com|wordpress\.com|blogspot\.com|substack\.com|tumblr\.com|wixsite\.com"
    r"|webflow\.io|notion\.site|[^.]+))$"
)


def _match_sites(sites: tuple[str, ...], *exact: str, before: str) -> str:
    """Match a name alone, as sources have it, its site in any country, and other hosts that belong to it."""
    names, hosts = ("|".join(site.replace(".", r"\.") for site in sites_of_kind) for sites_of_kind in (sites, exact))
    also = f"|{before}(?:{hosts})" if hosts else ""
    return f"^(?:(?:{names})|{before}(?:{names}){ENDING}{also})(?:/.*)?$"


ANY = r"(?:[a-z0-9-]+\.)*"
SEARCH = _match_sites(SEARCH_ENGINES, *SEARCH_SITES, before=SEARCHING)
SOCIAL = _match_sites(SOCIAL_NETWORKS, *SOCIAL_SITES, before=ANY)
VIDEO = _match_sites(VIDEO_SITES, "youtu.be", "com.google.android.youtube", before=ANY)
SHOP = _match_sites(SHOPS, "shop.app", "shopping.google.com", before=SHOPPING)


@cache
def channel_group(names: tuple[str, ...]) -> pl.Expr:
    """Group visits into channels by the rules of GA4's default channel grouping.

    Source, medium and campaign decide; without them a referrer on another site does, and a page without either is
    "Direct". A page reached from the same site, or from another part of it (`app.`, `www.`), is not an arrival and has
    none. Source: "Default channel group" in the documentation of Google Analytics; its list of sites per category is
    shortened to the common ones here, and a search engine's mail does not count as a search.
    """
    source = pl.col("campaign_source").fill_null("").str.to_lowercase()
    medium = pl.col("campaign_medium").fill_null("").str.to_lowercase()
    campaign = pl.col("campaign").fill_null("").str.to_lowercase()
    has_tags = (source != "") | (medium != "") | (campaign != "")
    paid = medium.str.contains(PAID)
    shop = source.str.contains(SHOP) | campaign.str.contains(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
    social = source.str.contains(SOCIAL)
    video = source.str.contains(VIDEO)
    search = source.str.contains(SEARCH)
    display = medium.is_in(["display", "banner", "expandable", "interstitial", "cpm"])
    by_tag = (
        pl.when(source.is_in(["direct", "(direct)"]) & medium.is_in(["(not set)", "(none)", "none", ""]))
        .then(pl.lit("Direct"))
        .when(campaign.str.contains("cross-network", literal=True))
        .then(pl.lit("Cross-network"))
        .when(paid & shop)
        .then(pl.lit("Paid Shopping"))
        .when(paid & search)
        .then(pl.lit("Paid Search"))
        .when(paid & social)
        .then(pl.lit("Paid Social"))
        .when(paid & video)
        .then(pl.lit("Paid Video"))
        .when(display)
        .then(pl.lit("Display"))
        .when(paid)
        .then(pl.lit("Paid Other"))
        .when(shop)
        .then(pl.lit("Organic Shopping"))
        .when(
            social | medium.is_in(["social", "social-network", "social-media", "sm", "social network", "social media"])
        )
        .then(pl.lit("Organic Social"))
        .when(video | medium.str.contains("video", literal=True))
        .then(pl.lit("Organic Video"))
        .when(search | (medium == "organic"))
        .then(pl.lit("Organic Search"))
        .when(source.str.contains(EMAIL) | medium.str.contains(EMAIL))
        .then(pl.lit("Email"))
        .when(medium == "affiliate")
        .then(pl.lit("Affiliates"))
        .when(medium.is_in(["referral", "app", "link"]))
        .then(pl.lit("Referral"))
        .when(medium == "audio")
        .then(pl.lit("Audio"))
        .when((source == "sms") | (medium == "sms"))
        .then(pl.lit("SMS"))
        .when(medium.str.ends_with("push") | medium.str.contains("mobile|notification") | (source == "firebase"))
        .then(pl.lit("Mobile Push Notifications"))
        .otherwise(pl.lit("Unassigned"))
    )
    if "page_referrer" not in names:
        return pl.when(has_tags).then(by_tag)
    return pl.when(has_tags).then(by_tag).otherwise(_channel_of_referrer(names))


def _channel_of_referrer(names: tuple[str, ...]) -> pl.Expr:
    """Name the channel of a visit without campaign tags by its referrer; null off a page, or within one site."""
    referrer = _host_of(pl.col("page_referrer"))
    here = _host_of(pl.col("page_url")) if "page_url" in names else pl.lit(None, dtype=pl.String)
    pages = [pl.col(column).is_not_null() for column in ("page_url", "page_path") if column in names]
    on_page = pl.any_horizontal(pages) if pages else pl.lit(value=True)
    return (
        pl.when(~on_page)
        .then(None)
        .when(referrer.is_null())
        .then(pl.lit("Direct"))
        .when(_owner_of(referrer) == _owner_of(here))
        .then(None)
        .when(referrer.str.contains(SHOP))
        .then(pl.lit("Organic Shopping"))
        .when(referrer.str.contains(SOCIAL))
        .then(pl.lit("Organic Social"))
        .when(referrer.str.contains(VIDEO))
        .then(pl.lit("Organic Video"))
        .when(referrer.str.contains(SEARCH))
        .then(pl.lit("Organic Search"))
        .otherwise(pl.lit("Referral"))
    )


def _host_of(url: pl.Expr) -> pl.Expr:
    return url.str.extract(r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?:www\.)?([^/:?#]+)", 1).str.to_lowercase()


def _owner_of(host: pl.Expr) -> pl.Expr:
    return pl.coalesce(host.str.extract(NUMBERS, 1), host.str.extract(OWNER, 1), host)
