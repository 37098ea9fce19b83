"""X's ways with a text: how long it is, which links get shortened, and what comes back.

Lengths are those of twitter-text's configuration v3. Where twitter-text knows the emoji of one
Unicode version, every well-formed sequence counts as one here, so that new ones are right too.
https://docs.x.com/fundamentals/counting-characters
"""

import unicodedata
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any, Final

import regex

LIMIT: Final = 280
LINK_WEIGHT: Final = 23
HEAVY: Final = 2  # an emoji, and every character outside the light ranges
LIGHT: Final = (range(0x1100), range(0x2000, 0x200E), range(0x2010, 0x2020), range(0x2032, 0x2038))

LABEL_BYTES: Final = 63  # a part of a host name, as DNS spells it
LINK_CHARACTERS: Final = 4096


def weighted_length(text: str) -> int:
    """How much of X's 280 `text` uses up."""
    plain = _LINK.sub(_stand_in, unicodedata.normalize("NFC", text))
    plain = _EMOJI.sub(" " * HEAVY, plain)
    return sum(1 if any(ord(char) in light for light in LIGHT) else HEAVY for char in plain)


def is_valid(text: str) -> bool:
    """Whether X takes `text` as a post of its own."""
    return 0 < weighted_length(text) <= LIMIT and not has_invalid_characters(text)


def has_invalid_characters(text: str) -> bool:
    """Whether `text` has one of the three characters X never takes."""
    return any(char in text for char in _INVALID)


def links(text: str) -> list[str]:
    """What X would turn into links, with or without a scheme, in order."""
    return [match[0] for match in _LINK.finditer(text) if _resolves(match)]


def cashtags(text: str) -> list[str]:
    """The ticker symbols X would link, as in "$TWTR", without their dollar signs."""
    found: list[str] = _CASHTAG.findall(text)
    return found


def as_written(text: str, urls: Sequence[Mapping[str, Any]], *, has_media: bool) -> str:
    """A post's text as X lists it, with `urls` of its entities, back in its author's words.

    X escapes three characters, shortens the links and adds one for the media.
    """
    text = _MARKUP.sub(lambda match: unescape(match[0]), text)
    for url in urls:
        short, full = url.get("url"), url.get("expanded_url")
        if short and full and not url.get("media_key") and not _MEDIA_PAGE.search(full):
            text = text.replace(short, full)
    return _MEDIA_LINKS.sub("", text) if has_media else text


def essence(text: str) -> str:
    """`text` without what X may add to a link or drop: schemes, last slashes, blanks."""
    bare: str = _ADDED.sub("", unicodedata.normalize("NFC", text)).casefold()
    return " ".join(bare.split())


def _stand_in(match: regex.Match[str]) -> str:
    """As many light characters as X counts for the link."""
    return " " * LINK_WEIGHT if _resolves(match) else match[0]


def _resolves(match: regex.Match[str]) -> bool:
    """Whether the link is short enough, also with its host in ASCII."""
    labels = [_ascii(label) for label in (match["host"] or match["bare"] or "").split(".")]
    return len(match[0]) <= LINK_CHARACTERS and all(len(label) <= LABEL_BYTES for label in labels)


def _ascii(label: str) -> bytes:
    return label.encode() if label.isascii() else b"xn--" + label.encode("punycode")


_INVALID: Final = "\ufffe\ufeff\uffff"
_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SPACES: Final = r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PUNCTUATION: Final = r"!'#%&()*+,\\\-./:;<=>?@\[\]\^_{|}~$"
_ACCENTED: Final = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\xff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268"
    r"\u026f\u0272\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)

# Top-level domains as of IANA's list; a run of letters after a dot is a link only with one.
_TLDS: Final = """
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt
    bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg
    er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn
    hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li
    lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne
    nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb
    sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr
    tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw aaa aarp abb abbott
    abbvie abc able abogado abudhabi academy accenture accountant accountants aco actor ads adult
    aeg aero aetna afl africa agakhan agency aig airbus airforce airtel akdn alibaba alipay
    allfinanz allstate ally alsace alstom amazon americanexpress americanfamily amex amfam amica
    amsterdam analytics android anquan anz aol apartments app apple aquarelle arab aramco archi
    army arpa art arte asda asia associates athleta attorney auction audi audible audio auspost
    author auto autos aws axa azure baby baidu banamex band bank bar barcelona barclaycard barclays
    barefoot bargains baseball basketball bauhaus bayern bbc bbt bbva bcg bcn beats beauty beer
    berlin best bestbuy bet bharti bible bid bike bing bingo bio biz black blackfriday blockbuster
    blog bloomberg blue bms bmw bnpparibas boats boehringer bofa bom bond boo book booking bosch
    bostik boston bot boutique box bradesco bridgestone broadway broker brother brussels build
    builders business buy buzz bzh cab cafe cal call calvinklein cam camera camp canon capetown
    capital capitalone car caravan cards care career careers cars casa case cash casino cat
    catering catholic cba cbn cbre center ceo cern cfa cfd chanel channel charity chase chat cheap
    chintai christmas chrome church cipriani circle cisco citadel citi citic city claims cleaning
    click clinic clinique clothing cloud club clubmed coach codes coffee college cologne com
    commbank community company compare computer comsec condos construction consulting contact
    contractors cooking cool coop corsica country coupon coupons courses cpa credit creditcard
    creditunion cricket crown crs cruise cruises cuisinella cymru cyou dad dance data date dating
    datsun day dclk dds deal dealer deals degree delivery dell deloitte delta democrat dental
    dentist desi design dev dhl diamonds diet digital direct directory discount discover dish diy
    dnp docs doctor dog domains dot download drive dtv dubai dupont durban dvag dvr earth eat eco
    edeka edu education email emerck energy engineer engineering enterprises epson equipment
    ericsson erni esq estate eurovision eus events exchange expert exposed express extraspace fage
    fail fairwinds faith family fan fans farm farmers fashion fast fedex feedback ferrari ferrero
    fidelity fido film final finance financial fire firestone firmdale fish fishing fit fitness
    flickr flights flir florist flowers fly foo food football ford forex forsale forum foundation
    fox free fresenius frl frogans frontier ftr fujitsu fun fund furniture futbol fyi gal gallery
    gallo gallup game games gap garden gay gbiz gdn gea gent genting george ggee gift gifts gives
    giving glass gle global globo gmail gmbh gmo gmx godaddy gold goldpoint golf goo goodyear goog
    google gop got gov grainger graphics gratis green gripe grocery group gucci guge guide guitars
    guru hair hamburg hangout haus hbo hdfc hdfcbank health healthcare help helsinki here hermes
    hiphop hisamitsu hitachi hiv hkt hockey holdings holiday homedepot homegoods homes homesense
    honda horse hospital host hosting hot hotels hotmail house how hsbc hughes hyatt hyundai ibm
    icbc ice icu ieee ifm ikano imamat imdb immo immobilien inc industries infiniti info ing ink
    institute insurance insure int international intuit investments ipiranga irish ismaili ist
    istanbul itau itv jaguar java jcb jeep jetzt jewelry jio jll jmp jnj jobs joburg jot joy
    jpmorgan jprs juegos juniper kaufen kddi kerryhotels kerryproperties kfh kia kids kim kindle
    kitchen kiwi koeln komatsu kosher kpmg kpn krd kred kuokgroup kyoto lacaixa lamborghini lamer
    land landrover lanxess lasalle lat latino latrobe law lawyer lds lease leclerc lefrak legal
    lego lexus lgbt lidl life lifeinsurance lifestyle lighting like lilly limited limo lincoln link
    live living llc llp loan loans locker locus lol london lotte lotto love lpl lplfinancial ltd
    ltda lundbeck luxe luxury madrid maif maison makeup man management mango map market marketing
    markets marriott marshalls mattel mba mckinsey med media meet melbourne meme memorial men menu
    merckmsd miami microsoft mil mini mint mit mitsubishi mlb mls mma mobi mobile moda moe moi mom
    monash money monster mormon mortgage moscow moto motorcycles mov movie msd mtn mtr museum music
    nab nagoya name navy nba nec net netbank netflix network neustar new news next nextdirect nexus
    nfl ngo nhk nico nike nikon ninja nissan nissay nokia norton now nowruz nowtv nra nrw ntt nyc
    obi observer office okinawa olayan olayangroup ollo omega one ong onl online ooo open oracle
    orange org organic origins osaka otsuka ott ovh page panasonic paris pars partners parts party
    pay pccw pet pfizer pharmacy phd philips phone photo photography photos physio pics pictet
    pictures pid pin ping pink pioneer pizza place play playstation plumbing plus pnc pohl poker
    politie porn post praxi press prime pro prod productions prof progressive promo properties
    property protection pru prudential pub pwc qpon quebec quest racing radio read realestate
    realtor realty recipes red redumbrella rehab reise reisen reit reliance ren rent rentals repair
    report republican rest restaurant review reviews rexroth rich richardli ricoh ril rio rip rocks
    rodeo rogers room rsvp rugby ruhr run rwe ryukyu saarland safe safety sakura sale salon
    samsclub samsung sandvik sandvikcoromant sanofi sap sarl sas save saxo sbi sbs scb schaeffler
    schmidt scholarships school schule schwarz science scot search seat secure security seek select
    sener services seven sew sex sexy sfr shangrila sharp shell shia shiksha shoes shop shopping
    shouji show silk sina singles site ski skin sky skype sling smart smile sncf soccer social
    softbank software sohu solar solutions song sony soy spa space sport spot srl stada staples
    star statebank statefarm stc stcgroup stockholm storage store stream studio study style sucks
    supplies supply support surf surgery suzuki swatch swiss sydney systems tab taipei talk taobao
    target tatamotors tatar tattoo tax taxi tci tdk team tech technology tel temasek tennis teva
    thd theater theatre tiaa tickets tienda tips tires tirol tjmaxx tjx tkmaxx tmall today tokyo
    tools top toray toshiba total tours town toyota toys trade trading training travel travelers
    travelersinsurance trust trv tube tui tunes tushu tvs ubank ubs unicom university uno uol ups
    vacations vana vanguard vegas ventures verisign versicherung vet viajes video vig viking villas
    vin vip virgin visa vision viva vivo vlaanderen vodka volvo vote voting voto voyage wales
    walmart walter wang wanggou watch watches weather weatherchannel webcam weber website wed
    wedding weibo weir whoswho wien wiki williamhill win windows wine winners wme wolterskluwer
    woodside work works world wow wtc wtf xbox xerox xihuan xin xxx xyz yachts yahoo yamaxun yandex
    yodobashi yoga yokohama you youtube yun zappos zara zero zip zone zuerich ελ ευ бг ею рф გე
    コム 世界 中信 中国 中國 企业 佛山 信息 健康 八卦 公司 公益 台湾 台灣 商城 商店 商标 嘉里 在线
    大拿 娱乐 家電 广东 微博 慈善 手机 招聘 政务 政府 新闻 时尚 書籍 机构 游戏 澳門 点看 移动 网址
    网店 网站 网络 联通 谷歌 购物 通販 集团 食品 餐厅 香港 닷넷 닷컴 삼성 한국 vermögensberater
    vermögensberatung бел дети католик ком мкд мон москва онлайн орг рус сайт срб укр қаз հայ ישראל
    קום ابوظبي ارامكو الاردن البحرين الجزائر السعودية العليان المغرب امارات ایران بارت بازار بيتك
    بھارت تونس سودان سورية شبكة عراق عرب عمان فلسطين قطر كاثوليك كوم مصر مليسيا موريتانيا موقع
    همراه پاکستان ڀارت कॉम नेट भारत भारतम् भारोत संगठन বাংলা ভারত ভাৰত ਭਾਰਤ ભારત ଭାରତ இந்தியா
    இலங்கை சிங்கப்பூர் భారత్ ಭಾರತ ഭാരതം ලංකා คอม ไทย ລາວ みんな アマゾン クラウド グーグル ストア
    セール ファッション ポイント 中文网 亚马逊 嘉里大酒店 天主教 我爱你 新加坡 淡马锡 组织机构
    電訊盈科 飞利浦 香格里拉
"""


def _host(letter: str, joint: str) -> str:
    """A host name: labels of `letter`, joined inside by `joint`, before a known end.

    Nothing repeats more often than DNS allows, so that a long text is read in one pass.
    """
    label = rf"{letter}(?:(?:{letter}|{joint}){{0,62}}{letter})?\."
    name = rf"{letter}(?:(?:{letter}|-){{0,62}}{letter})?\."
    end = r"(?:\L<tlds>|xn--[\-0-9a-z]{1,59})(?![0-9a-z@+\-])"
    return rf"(?:{label}){{0,126}}{name}{end}"


_ANY_HOST: Final = _host(rf"[^{_PUNCTUATION}{_SPACES}\x00-\x1f\x7f{_INVALID}{_DIRECTIONS}]", "[_-]")
_BARE_HOST: Final = _host(rf"[0-9a-z{_ACCENTED}]", "-")

_IN_PATH: Final = rf"[a-z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_ACCENTED}]"
_ENDS_PATH: Final = rf"[a-z\u0400-\u04ff0-9=_#/+\-{_ACCENTED}]"
_BRACKETS: Final = rf"\({_IN_PATH}*(?:\({_IN_PATH}+\){_IN_PATH}*)?\)"
_PATH: Final = (
    rf"(?:{_IN_PATH}*(?:{_BRACKETS}{_IN_PATH}*)*(?:{_ENDS_PATH}|{_BRACKETS})|@{_IN_PATH}+/)*"
)
_QUERY: Final = r"(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/])"

_LINK: Final = regex.compile(
    rf"(?<![a-z0-9@＠$#＃{_INVALID}])(?:"
    rf"https?://t\.co/[a-z0-9]{{1,40}}{_QUERY}?"
    rf"|https?://(?P<host>{_ANY_HOST})(?::\d+)?(?:/{_PATH})?{_QUERY}?"
    rf"|(?<![-_./])(?P<bare>{_BARE_HOST})(?:(?::\d+)?/{_PATH}{_QUERY}?)?"
    r")",
    regex.IGNORECASE,
    tlds=_TLDS.split(),
)

_CASHTAG: Final = regex.compile(
    rf"(?:^|(?<=[{_SPACES}]))\$([a-z]{{1,6}}(?:[._][a-z]{{1,2}})?)(?=$|\s|[{_PUNCTUATION}])",
    regex.IGNORECASE,
)

_MARKUP: Final = regex.compile("&(?:amp|lt|gt);")
_MEDIA_PAGE: Final = regex.compile(r"/status/\d+/(?:photo|video)/\d+$")
_MEDIA_LINKS: Final = regex.compile(r"(?:\s*https://t\.co/\w+)+\s*$")
_ADDED: Final = regex.compile(r"https?://|/(?!\w)", regex.IGNORECASE)

# © and ® are light letters unless the selector after them asks for the picture.
_PICTURE: Final = r"(?:[©®]\ufe0f|[\p{Emoji_Presentation}\p{Extended_Pictographic}--©®]\ufe0f?)"
_PERSON: Final = rf"{_PICTURE}\p{{Emoji_Modifier}}?"
_EMOJI: Final = regex.compile(
    r"\p{Regional_Indicator}{2}"
    r"|[0-9#*]\ufe0f?\u20e3"
    r"|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    rf"|{_PERSON}(?:\u200d{_PERSON})*",
    regex.VERSION1,
)
