"""What a report says about the kinds of answer whose explanation does not depend on what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from journeys.analyses.activity.result import Activity
from journeys.analyses.attribution.comparison import AttributionComparison
from journeys.analyses.attribution.model_comparison import ModelComparison
from journeys.analyses.correlation.comparison import CorrelationComparison
from journeys.analyses.correlation.flow_steps import StepAssociations
from journeys.analyses.correlation.matrix import Correlations, StratifiedCorrelations
from journeys.analyses.correlation.permutation import Permutation
from journeys.analyses.correlation.stratified import Stratified, StratumTrend
from journeys.analyses.dictionary.result import Dictionary
from journeys.analyses.dropoff.result import Dropoff
from journeys.analyses.experiment.result import Experiment
from journeys.analyses.explain_difference import DifferenceExplanation
from journeys.analyses.flow.comparison import ComparedFlow
from journeys.analyses.flow.path_results import Paths, Sequences
from journeys.analyses.flow.resonance import Resonance
from journeys.analyses.funnel.comparison import FunnelComparison
from journeys.analyses.funnel.durations import ConvertedWithin, StepTimes, TimeToConvert
from journeys.analyses.funnel.exits.result import Exits
from journeys.analyses.funnel.next_events import NextEvents
from journeys.analyses.funnel.trend.result import FunnelTrend
from journeys.analyses.impact.result import Impact
from journeys.analyses.last_before.result import LastBefore
from journeys.analyses.lifecycle.result import Lifecycle
from journeys.analyses.messages.against import MessagesAgainst
from journeys.analyses.messages.result import Messages
from journeys.analyses.overlap.result import Overlap
from journeys.analyses.retention.result import Retention
from journeys.analyses.sessions.result import Sessions
from journeys.analyses.stickiness.result import Stickiness
from journeys.analyses.timeline.result import Timeline
from journeys.analyses.transitions.result import Transitions
from journeys.analyses.trend.result import Trend
from journeys.analyses.value.result import Value
from journeys.identity.explain import LinkExplanation
from journeys.identity.stitching_impact import StitchingImpact


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a section says beside the finding; `columns` are those of the table that are shown, all when empty."""

    question: str
    reading: str
    limits: str
    method: str = ""
    columns: tuple[str, ...] = ()


_CHANCE = "An interval that crosses zero may be chance."
_CORRECTED = "q-values are corrected for the number of comparisons (Benjamini and Hochberg)."
_NO_CAUSE = "that the behaviour makes people convert. Only an experiment can show that."
_FIRST_ENTRY = (
    "Times count from each person's first entry. The funnel counts their best attempt, which may begin later, so its "
    "medians are shorter, and a few more people reach the end in time."
)

FIXED: dict[type[Any], Explanation] = {
    Activity: Explanation(
        question="Which accounts are active, and which are waning?",
        reading="each dot is an account: the further right, the more members it has; the higher, the more days it was "
        "active on. Hollow: less than half as active as in the period before.",
        limits="why an account is waning, or that it will leave.",
        columns=(
            *("account", "members", "active_members", "active_days", "events", "state", "trend", "score"),
            *("last_active", "silent_for", "fit"),
        ),
    ),
    AttributionComparison: Explanation(
        question="Which campaigns gained or lost credit?",
        reading="the share of all conversions that each touchpoint gets credit for, on both sides, and the difference "
        f"in points with its 95% interval. {_CHANCE}",
        limits="why the credit moved: budgets, seasons and audiences change too.",
        method=f"Differences of two shares with Newcombe's interval; {_CORRECTED}",
    ),
    ComparedFlow: Explanation(
        question="Which paths do these people take more often than the others?",
        reading="links are as wide as the difference between the two groups: full where more of these people go, "
        "hollow where fewer do. Pale links may be chance.",
        limits="why the groups differ: they may be different people to begin with.",
        method=f"Shares of all who start, compared link by link; {_CORRECTED}",
        columns=(
            *("source", "target", "position", "people", "against_people", "share_of_start"),
            *("against_share_of_start", "difference", "difference_low", "difference_high", "q_value"),
        ),
    ),
    ConvertedWithin: Explanation(
        question="How many convert within which time?",
        reading="the curve rises with each conversion; its last point is the share that had converted by then.",
        limits="what happens after the last event of the data, or that people who came late will do as those before "
        "them did.",
        method="Kaplan–Meier estimate with its 95% interval: people who have not had the full time yet count for as "
        "long as they were observed.",
    ),
    CorrelationComparison: Explanation(
        question="Which behaviours go with the goal in one group more than in the other?",
        reading="for each behaviour, phi in this group (filled) and in the other (hollow): 0 is no association, 1 a "
        "perfect one. The longer the line between them, the more the groups differ.",
        limits=_NO_CAUSE,
        method=f"Differences of two phis with 95% intervals; {_CORRECTED}",
    ),
    Correlations: Explanation(
        question="Which behaviours go with which goals?",
        reading="each number is phi: 0 is no association, 1 a perfect one; below zero, people who did it converted "
        "less often. Blank: undefined, too few did it, or set apart.",
        limits=_NO_CAUSE,
        method=f"Only events before the first conversion count; {_CORRECTED}",
        columns=(
            *("goal", "behaviour", "both", "behaviour_only", "conversion_only", "neither", "rate_with", "rate_without"),
            *("phi", "ci_low", "ci_high", "q_value"),
        ),
    ),
    Dictionary: Explanation(
        question="Which events are there, and do they still arrive?",
        reading="each line is an event, with one bar per day on a scale of its own; a word after its name says what "
        "has changed in the last seven days.",
        limits="why an event stopped or became rarer: tracking may be broken, or people may do it less.",
        method="The last 7 days are compared with the 28 before (Poisson test, corrected for the number of events).",
        columns=(
            *("event", "rows", "people", "share_of_people", "first_seen", "last_seen", "state", "means", "owner"),
            "problems",
        ),
    ),
    DifferenceExplanation: Explanation(
        question="Why do two numbers for the same question differ?",
        reading="each bar shows how many more or fewer people would count if this one setting were as on the other "
        "side.",
        limits="which of the two settings is right.",
        method="Each setting is changed by itself; the changes need not add up to the whole difference.",
    ),
    Dropoff: Explanation(
        question="Where do journeys end without the goal?",
        reading="each bar is the number of people whose last event this was; beside it, their share of all who got "
        "there.",
        limits="that the last event made them stop: it may only be what people do last.",
        columns=("event", "people", "share", "passed", "loss_rate", "ci_low", "ci_high", "last_steps", "instead"),
    ),
    Exits: Explanation(
        question="Who left, and who can be won back?",
        reading="the bars show how many left at each step, how many still have time, and what those who left did next. "
        "Those who left, went another way or still have time add up to the people whom the funnel lost there. In the "
        "numbers, one row per person, with the recording of their session where there is one.",
        limits="why they left; somebody who still has time has not left.",
        method="Those who went another way reached the goal, but not through all steps in time.",
        columns=(
            *("person", "name", "state", "left_at", "next_event", "last_event", "last_campaign"),
            *("may_mail", "replay_url"),
        ),
    ),
    Experiment: Explanation(
        question="Which variant does better?",
        reading="each dot is the difference to the control, with its 95% interval. Hollow: not beyond chance.",
        limits="an effect on people who were not in the experiment, or one that comes later than the last event.",
        method="People count in the variant that they saw first; those who saw several are set apart. q-values are "
        "corrected for the number of variants (Benjamini and Hochberg).",
    ),
    FunnelComparison: Explanation(
        question="Did one side get further than the other?",
        reading=f"each dot is the difference between two rates, in points, with its 95% interval. {_CHANCE}",
        limits="why they differ: two periods or campaigns differ in more than one way.",
        method=f"Differences of two rates with Newcombe's interval; {_CORRECTED}",
    ),
    FunnelTrend: Explanation(
        question="Does the share that converts rise or fall?",
        reading="each point is the share of those who entered in one period, with its 95% interval. Dashed: not all of "
        "them have had the time yet.",
        limits="why it changed, or that it will go on to change.",
        method="Each person counts in the period of their entry. Intervals are 95% Wilson intervals.",
    ),
    Impact: Explanation(
        question="What do people do more, or less, after they first use it?",
        reading="zero is the moment of each person's first use. The line with an interval is what they did in each "
        "period before and after it, the grey one what similar people who had not used it by then did. Compare the two "
        "after zero.",
        limits="that the use made the difference: people who are about to do more may also be those who try it.",
        method="Each user is matched with people who had not used it by then and had been as active before. The "
        "difference in differences is the gap between both sides after zero, less the average gap before it.",
    ),
    LastBefore: Explanation(
        question="What came last before the goal, and who went on from there?",
        reading="each bar is the number of people for whom this came last before the goal; at the right, the share of "
        "them who went on. Hollow: fewer than 30 people.",
        limits="that what came last made people go on: it may attract other people.",
        method=f"Intervals are 95% Wilson intervals; {_CORRECTED}",
    ),
    Lifecycle: Explanation(
        question="Do more people become active than dormant?",
        reading="above zero: people who were new, came back after a pause, or stayed. Below zero: people who were "
        "active in the period before and not in this one.",
        limits="why people stopped; some of them will be back.",
        method="New: the first time ever. Returning: active in the period before, too. Resurrecting: active earlier, "
        "but not in the period before. Pulse: new and resurrecting people per dormant one.",
    ),
    Messages: Explanation(
        question="Who got our messages, read them, and converted afterwards?",
        reading="one row per campaign, one dot per stage, each with its 95% interval: delivered as a share of all "
        "recipients, read, clicked and unsubscribed of those delivered, converted of those who could convert.",
        limits="what people would have done without the message.",
        method="A conversion belongs to the last message before it that was read or clicked. Opens by machines do not "
        "count as read.",
        columns=(
            *("campaign_id", "campaign", "subject", "messages", "people", "delivered", "read", "clicked"),
            *("unsubscribed", "eligible", "converted", "value"),
            *("read_rate", "click_rate", "unsubscribed_rate", "rate"),
        ),
    ),
    LinkExplanation: Explanation(
        question="Are these two identifiers one person, and why?",
        reading="the chain leads from one identifier to the other. Each link says in how many rows the two occur "
        "together, since when, and in which source. Dotted: the link was refused.",
        limits="that somebody did not lend their device or their account to somebody else.",
        method="Of all chains, the one with the fewest refused links is shown, and of these the shortest.",
    ),
    MessagesAgainst: Explanation(
        question="Did people who got the message convert more often than those who did not?",
        reading=f"each dot is the difference between the two rates, in points, with its 95% interval. {_CHANCE}",
        limits="that the message made the difference, unless chance decided who got it.",
        method=f"Differences of two rates with Newcombe's interval; {_CORRECTED}",
    ),
    ModelComparison: Explanation(
        question="Does the credit depend on the model?",
        reading="one row per touchpoint, one dot per model, with 95% intervals. Where the dots lie together, the "
        "choice of the model hardly matters.",
        limits="which model is right, or that these people would not have converted without the campaign.",
        method="Intervals are bootstrapped: people are drawn again, with replacement.",
    ),
    NextEvents: Explanation(
        question="What did those who dropped off do next?",
        reading="each bar is the share of those who got no further who did this next.",
        limits="that it made them stop.",
    ),
    Overlap: Explanation(
        question="How many people are in which segments?",
        reading="each bar is the number of people in exactly the segments that are marked below it.",
        limits='why segments overlap. "expected" is what chance alone would give if they had nothing to do with each '
        "other.",
    ),
    Paths: Explanation(
        question="Which whole paths do people take?",
        reading="one line per path, from the first event to the last, with the people who took it.",
        limits="that a path makes people convert.",
        method="The conversion rate is that of all who took the same route, whether they reached the goal or not.",
    ),
    Permutation: Explanation(
        question="Could these associations be chance?",
        reading="each dot is a behaviour: the further from the middle, the more closely it goes with the goal; the "
        "higher, the less likely it is chance.",
        limits=_NO_CAUSE,
        method='Conversions are shuffled among people many times: "p permuted" is how often a shuffle gives an '
        'association at least as strong, "p family" how often it does so for any behaviour at all.',
    ),
    Resonance: Explanation(
        question="Which touchpoints work better, or worse, for these people?",
        reading=f"each dot is the difference between the two groups' conversion rates, in points. {_CHANCE}",
        limits="why the groups differ: they may be different people to begin with.",
        method=f"Differences of two rates with Newcombe's interval; {_CORRECTED}",
    ),
    Retention: Explanation(
        question="Do people come back?",
        reading="each row is the people who started in one period, each column how long after. Darker cells: more "
        "of them came back.",
        limits="that people who did not come back are lost for good, or why they stayed away.",
        method="Each person counts in the period in which they first started. Intervals are 95% Wilson intervals; the "
        "overall rate uses only cells whose time is over.",
    ),
    Sequences: Explanation(
        question="Which events most often follow one another directly?",
        reading="one line per sequence, with the people in whose journey it occurs.",
        limits="that a sequence makes people convert.",
        method="The conversion rate is that of all people with the sequence.",
    ),
    Sessions: Explanation(
        question="What do sessions begin with, and what do they lead to?",
        reading="each bar is the number of sessions in a group; beside it, the share of them that is named above the "
        "chart.",
        limits="that what they begin with made the difference: it may attract other people.",
        method="A pause begins a new session. A session bounces if it has one page view and no other event.",
    ),
    StitchingImpact: Explanation(
        question="What does linking identifiers change in this answer?",
        reading="filled: the answer with identifiers linked to people. Hollow: the answer if every identifier, such as "
        "a browser cookie or an email address, counted as a person of its own.",
        limits="that all identifiers of a person were found: people who never sign in still count more than once.",
        method="The same question is asked twice, and the rows of the two answers are matched by their names.",
    ),
    StepAssociations: Explanation(
        question="Which steps of the path go with reaching the goal?",
        reading="each row is a step, in its place on the path: people who took it converted more often (right of zero) "
        "or less often (left) than the others. phi: 0 is no association, 1 a perfect one.",
        limits="that the step makes people convert. Only an experiment can show that.",
        method=_CORRECTED,
    ),
    StepTimes: Explanation(
        question="How long does each step take?",
        reading="the dot is the median: half of those who took the step were faster. The line shows how far times "
        "spread.",
        limits="how long people who did not take the step would have needed.",
        method=_FIRST_ENTRY,
    ),
    Stickiness: Explanation(
        question="On how many days do people come?",
        reading="the share of people by the number of days on which they were active.",
        limits="what they came for, or whether coming more often is better for them.",
    ),
    Stratified: Explanation(
        question="Does a behaviour still go with the goal among similar people?",
        reading="each line leads from phi for everybody together (hollow) to its average within the groups (filled). "
        "If it ends near zero, the groups explain the association.",
        limits=_NO_CAUSE,
        method=f"Compared within each group, and then averaged (Mantel and Haenszel); {_CORRECTED}",
    ),
    StratifiedCorrelations: Explanation(
        question="Which behaviours go with which goals among similar people?",
        reading="the deeper the colour, the more closely the behaviour goes with the goal within the groups; phi: 0 is "
        "no association, 1 a perfect one.",
        limits=_NO_CAUSE,
        method=f"Compared within each group, and then averaged (Mantel and Haenszel); {_CORRECTED}",
    ),
    StratumTrend: Explanation(
        question="How closely does the behaviour go with the goal in each group?",
        reading="one row per group; phi: 0 is no association, 1 a perfect one.",
        limits=_NO_CAUSE,
    ),
    TimeToConvert: Explanation(
        question="How long does it take people to convert?",
        reading="each bar is the number of people who took this long from the first step to the last.",
        limits="how long people who did not convert would have needed.",
        method=_FIRST_ENTRY,
    ),
    Timeline: Explanation(
        question="What did this person do, and when?",
        reading="one row per source, one mark per event, from left to right.",
        limits="why they did it, or what they did where nothing was recorded.",
    ),
    Transitions: Explanation(
        question="Which events directly follow which?",
        reading="each row is an event, each column what came directly after it: darker cells are more frequent.",
        limits="that one event leads to the other.",
    ),
    Trend: Explanation(
        question="How do the numbers develop?",
        reading="each point is one period. Dotted: the period is not over yet, or the data covers only a part of it.",
        limits="why the numbers changed, or that they will go on to change.",
    ),
    Value: Explanation(
        question="What is a customer worth after how much time?",
        reading="the curve is the sum of all payments per person up to that age, with its 95% interval. Hollow: fewer "
        "than 30 people are old enough.",
        limits="what they will pay later, or that those who come now will pay as much.",
        method="Each age counts only people who have completed it, including those who pay nothing, so later ages rest "
        "on fewer people. Intervals are bootstrapped: people are drawn again, with replacement.",
    ),
}
