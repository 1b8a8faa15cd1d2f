"""What the columns of a table are called in English, German, French and Spanish: the one list for guesses.

The names that `read_table` recognises without a mapping are `RECOGNISED` in `table`; the columns by which a system's
exports are detected are in `registry`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from journeys.events.amount_words import AMOUNT_WORDS

# Patterns of names as `simplify_name` writes them: lower case, no accents, words apart.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "time": (
        r"time|date|when|\bat\b|created|occurred|changed|^ts$|^day$",
        r"datum|zeit|tag$|^wann$|^am$",
        r"\bheure|\bjour\b|horodat|^le$|^quand$",
        r"fecha|\bhora\b|^dia$|^cuando$",
    ),
    "no event": (
        r"birth|updat|modif|chang|export|import|sync|expect|due\b|renew|expir|valid|last|next|planned|deadline",
        r"geburt|anderung|geandert|aktualisi|fallig|gultig|ablauf|letzte|nachste|geplant|erwartet|frist",
        r"naissance|mise a jour|echeance|expiration|dernier|prochain|prevu",
        r"nacimiento|actualiza|vencimiento|caduc|ultim|proxim|previst",
    ),
    "event": (
        r"event|\bevt\b|action|activity|^what$|\bdid\b",
        r"ereignis|aktion|aktivitat|vorgang|^was$|handlung|massnahme",
        r"evenement|activite|^quoi$",
        r"evento|accion|actividad|suceso",
    ),
    "stage": (
        r"stage|status|phase|lifecycle|step|kind|type",
        r"stufe|schritt|zustand|(?<![ctp])art$|typ$",
        r"etape|statut|\betat\b",
        r"etapa|estado|fase|tipo",
    ),
    "event name": (
        r"^(event )?(name|title|label)$",
        r"^(bezeichnung|titel)$",
        r"^(nom|titre|intitule)$",
        r"^(nombre|titulo)$",
    ),
    "user": (
        r"^(user|usr|uid|u)( ?(id|no|nr|number|key))?$",
        r"^(be)?nutzer( ?(id|nr|nummer|kennung))?$",
        r"^(id )?utilisateur( id)?$",
        r"^(id )?usuario( id)?$",
    ),
    "customer": (
        r"user|customer|\bcust\b|client|person|member|contact|lead|subscriber|profile|patient|student|guest|buyer|actor",
        r"kunde|kontakt|mitglied|nutzer|abonnent|kaufer|debitor|teilnehmer|empfanger|iban|konto ?(nr|nummer)",
        r"membre|abonne|acheteur|destinataire|compte",
        r"usuario|miembro|suscriptor|comprador|destinatario|cuenta",
    ),
    "device": (
        r"anonymous|device|cookie|visitor|browser|distinct|guid|uuid",
        r"gerae?t|besucher",
        r"appareil|visiteur|navigateur",
        r"dispositivo|visitante|navegador",
    ),
    "account": (
        r"^(account|company|organi[sz]ation|workspace|tenant)( (id|no|number|key|name))?$",
        r"^(firma|unternehmen|mandant|organisation)",
        r"^(entreprise|societe)",
        r"^(empresa|compania)",
    ),
    "id": (
        r"\b(id|no|nr|number|key|code)$",
        r"nummer$|kennung$",
        r"\bnumero\b|^n ",
        r"\bcodigo$",
    ),
    "other id": (
        r"agent|name$|type|\bcount|plan|status|event|message|session|page|line|row|version|subject|source|score|campaign",
        r"country|zip|phone|order|invoice|product|item|transaction|^(id|no|nr|number|key|code)$",
        r"discount|coupon|voucher|promo|referral|currency|language|sku\b",
        r"post|bestell|rechnung|artikel|betreff|kampagne|beleg|telefon|stadt|^ort$|gutschein|rabatt|aktion|wahrung|sprache",
        r"commande|facture|produit|article|campagne|objet|telephone|ville|remise|devise|langue",
        r"pedido|factura|producto|campana|asunto|ciudad|descuento|cupon|moneda|idioma",
    ),
    "campaign": (
        r"campaign( name| title)?$",
        r"kampagne(nname)?$",
        r"campagne$",
        r"campana$",
    ),
    "campaign_source": (
        r"^(traffic |campaign |utm )source$",
        r"^(quelle|herkunft)$",
        r"^provenance$",
        r"^(fuente|origen)$",
    ),
    "campaign_medium": (
        r"^(campaign |utm )?medium$",
        r"^support$",
        r"^medio$",
    ),
    "channel": (
        r"^((marketing|acquisition|traffic|sales) )?channel$",
        r"^(werbe|marketing|vertriebs)? ?kanal$",
        r"^canal( marketing| d acquisition)?$",
        r"^canal( de (marketing|adquisicion))?$",
    ),
    "page": (
        r"page|path|url|link",
        r"seite|pfad|adresse",
        r"chemin|lien",
        r"pagina|ruta|enlace",
    ),
    "amount": (
        AMOUNT_WORDS,
        r"betrag|umsatz|preis|summe|erlos",
        r"montant|prix",
        r"importe|precio|monto",
    ),
    "currency": (
        r"^currency$",
        r"^wahrung$",
        r"^devise$",
        r"^(moneda|divisa)$",
    ),
}
_PATTERNS = {meaning: re.compile("|".join(words)) for meaning, words in _WORDS.items()}

# What a column of dates is called besides the event: "Date entered Lead", "Lead Date", "created_at", "Angebot am".
_DATE_WORDS = re.compile(
    r"^(date|time|datum|zeit|zeitpunkt|fecha|heure)\b( (entered|of|de la|de l|de|du|der|des))?|"
    r"\b(date|time|timestamp|at|on|datum|zeit|zeitpunkt|am|le|fecha|el)$",
    re.IGNORECASE,
)

# The zone that the name of a column states, as in "Changed at (ET)".
_ZONES = {
    "UTC": "UTC", "GMT": "UTC", "CET": "Europe/Berlin", "CEST": "Europe/Berlin", "MEZ": "Europe/Berlin",
    "MESZ": "Europe/Berlin", "BST": "Europe/London", "ET": "America/New_York", "EST": "America/New_York",
    "EDT": "America/New_York", "CT": "America/Chicago", "CST": "America/Chicago", "CDT": "America/Chicago",
    "PT": "America/Los_Angeles", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "JST": "Asia/Tokyo",
}  # fmt: skip


def may_mean(column: str, meaning: str) -> bool:
    """Return whether the name of a column fits a meaning.

    Examples
    --------
    >>> may_mean("Kampagne", "campaign"), may_mean("Buchungstag", "time"), may_mean("N° client", "customer")
    (True, True, True)
    >>> may_mean("Betrag", "campaign"), may_mean("actor.device.id", "device")
    (False, True)
    """
    return _PATTERNS[meaning].search(simplify_name(column)) is not None


def simplify_name(column: str) -> str:
    """Write the name of a column in lower case, without accents and marks; of a nested field its last two parts.

    Examples
    --------
    >>> simplify_name("Geräte-ID"), simplify_name("createdAt"), simplify_name("actor.account.id")
    ('gerate id', 'created at', 'account id')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", ".".join(column.strip().split(".")[-2:]))
    plain = unicodedata.normalize("NFKD", words.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", plain).strip()


def name_event(column: str) -> str:
    """Name the event whose date a column holds.

    Examples
    --------
    >>> [name_event(column) for column in ("Closed Won Date", "created_at", "Date de signature", "Angebot am", "Datum")]
    ['Closed Won', 'Created', 'Signature', 'Angebot', 'Datum']
    """
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column.strip().split(".")[-1])).strip()
    event = _DATE_WORDS.sub("", words).strip() or words
    return event[:1].upper() + event[1:]


def find_stated_zone(column: str) -> str | None:
    """Find the time zone that a column's name states.

    Examples
    --------
    >>> find_stated_zone("Stage changed (ET)"), find_stated_zone("Set at")
    ('America/New_York', None)
    """
    words = re.findall(r"\b[A-Z]{2,4}\b", column)
    is_stated = words and (column.rstrip(" )").endswith(words[-1]) and column.strip() != words[-1])
    return _ZONES.get(words[-1]) if is_stated else None
