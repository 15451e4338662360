"""Invented names for the demo's members and stores, derived from the data's ids alone."""

from dataclasses import dataclass
from itertools import starmap


@dataclass(frozen=True, slots=True)
class Name:
    """One name in both languages."""

    fa: str
    en: str


@dataclass(frozen=True, slots=True)
class Store:
    """A store of the data as the apps show it; `code` is the data's store id."""

    code: str
    name: Name
    city: Name


_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def _names(*pairs: tuple[str, str]) -> tuple[Name, ...]:
    return tuple(starmap(Name, pairs))


_FIRST_NAMES = _names(
    ("آرش", "Arash"),
    ("آناهیتا", "Anahita"),
    ("امید", "Omid"),
    ("بابک", "Babak"),
    ("بهار", "Bahar"),
    ("پرستو", "Parastoo"),
    ("پویا", "Pouya"),
    ("ترانه", "Taraneh"),
    ("حمید", "Hamid"),
    ("دریا", "Darya"),
    ("رامین", "Ramin"),
    ("رعنا", "Rana"),
    ("زهرا", "Zahra"),
    ("ساناز", "Sanaz"),
    ("سهراب", "Sohrab"),
    ("شیرین", "Shirin"),
    ("علی", "Ali"),
    ("فرهاد", "Farhad"),
    ("کاوه", "Kaveh"),
    ("گلناز", "Golnaz"),
    ("لیلا", "Leila"),
    ("مریم", "Maryam"),
    ("مهدی", "Mahdi"),
    ("مینا", "Mina"),
    ("نرگس", "Narges"),
    ("نیما", "Nima"),
    ("هستی", "Hasti"),
    ("یاسمن", "Yasaman"),
    ("یوسف", "Yousef"),
)
_FAMILY_NAMES = _names(
    ("آزادپور", "Azadpour"),
    ("امینی", "Amini"),
    ("باغبان", "Baghban"),
    ("بهرامی", "Bahrami"),
    ("پارسا", "Parsa"),
    ("توکلی", "Tavakoli"),
    ("جوادی", "Javadi"),
    ("حسینی", "Hosseini"),
    ("خسروی", "Khosravi"),
    ("دانش", "Danesh"),
    ("راد", "Rad"),
    ("رستگار", "Rastegar"),
    ("زمانی", "Zamani"),
    ("سپهری", "Sepehri"),
    ("شریفی", "Sharifi"),
    ("صادقی", "Sadeghi"),
    ("طاهری", "Taheri"),
    ("عباسی", "Abbasi"),
    ("فراهانی", "Farahani"),
    ("قاسمی", "Ghasemi"),
    ("کریمی", "Karimi"),
    ("گلستانی", "Golestani"),
    ("محمدی", "Mohammadi"),
    ("مرادی", "Moradi"),
    ("نوری", "Nouri"),
    ("نیک‌نام", "Niknam"),
    ("هاشمی", "Hashemi"),
    ("وفایی", "Vafaei"),
    ("یزدانی", "Yazdani"),
    ("یوسفی", "Yousefi"),
    ("یگانه", "Yeganeh"),
)
_CITIES = _names(
    ("تهران", "Tehran"),
    ("مشهد", "Mashhad"),
    ("اصفهان", "Isfahan"),
    ("شیراز", "Shiraz"),
    ("تبریز", "Tabriz"),
    ("کرج", "Karaj"),
    ("اهواز", "Ahvaz"),
    ("رشت", "Rasht"),
    ("یزد", "Yazd"),
    ("کرمان", "Kerman"),
    ("همدان", "Hamadan"),
)
_QUARTERS = _names(
    ("آفتاب", "Aftab"),
    ("ارغوان", "Arghavan"),
    ("باران", "Baran"),
    ("بنفشه", "Banafsheh"),
    ("بهاران", "Baharan"),
    ("پامچال", "Pamchal"),
    ("پونه", "Pooneh"),
    ("ترنج", "Toranj"),
    ("چنار", "Chenar"),
    ("سپیدار", "Sepidar"),
    ("شقایق", "Shaghayegh"),
    ("صنوبر", "Senobar"),
    ("مروارید", "Morvarid"),
    ("نسترن", "Nastaran"),
    ("نیلوفر", "Niloofar"),
    ("یاقوت", "Yaghout"),
)


def member_name(household_id: int) -> Name:
    """Return an invented full name for a household; ids less than 899 apart never share one."""
    first = _FIRST_NAMES[household_id % len(_FIRST_NAMES)]
    family = _FAMILY_NAMES[household_id % len(_FAMILY_NAMES)]
    return Name(fa=f"{first.fa} {family.fa}", en=f"{first.en} {family.en}")


def member_phone(household_id: int) -> str:
    """Return an E.164 number for a household, out of a block of Iranian mobile numbers.

    The demo sends no messages; the numbers are well formed and nobody's in particular.
    """
    return f"+98900000{household_id:04d}"


def store(store_id: int) -> Store:
    """Return the store's invented city and branch name; the id in the name keeps it unique."""
    quarter = _QUARTERS[store_id // len(_CITIES) % len(_QUARTERS)]
    digits = str(store_id)
    return Store(
        code=digits,
        name=Name(
            fa=f"شعبهٔ {quarter.fa} {digits.translate(_PERSIAN_DIGITS)}",
            en=f"{quarter.en} branch {digits}",
        ),
        city=_CITIES[store_id % len(_CITIES)],
    )
