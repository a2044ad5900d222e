"""Spellings that change a word's letters, made once when a lexicon is compiled, so that finding them costs nothing.

What other characters do (digits, look-alikes, gaps) is undone in the text instead: see normaliser.py and reader.py.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from services.text_moderation.normaliser import HOMOGLYPHS, MASKED, NO_VOWELS, REVERSED, ROT13, SOUND, SWAPPED

VOWELS = "aeiou"
SHORTEST = 4
"""Words of fewer letters have too many neighbours: no spelling that changes their letters counts."""

# How sounds are written otherwise. Two of these may come together.
_SOUNDS = [
    (re.compile(pattern), replacement)
    for pattern, replacements in (
        ("ck", ("k", "kk", "q", "x", "c")),
        ("c(?=[aourl])", ("k",)),
        ("c(?=[aou])", ("q",)),
        ("k$", ("c", "q")),
        ("s$", ("z",)),
        ("ss", ("zz", "z")),
        ("er$", ("a", "ah", "uh", "ur")),
        ("ers$", ("az", "as", "uz")),
        ("ph", ("f",)),
        ("f", ("ph",)),
        ("w", ("vv",)),
        ("(?<=[^aeou])i(?=[^aeiou])", ("y",)),
        ("(?<=[^aeiou])y$", ("ie", "i")),
        ("gg", ("qq",)),
    )
    for replacement in replacements
]

# Spellings of three letters that can be nothing else.
_SHORT_SPELLINGS = frozenset({"fck", "sht", "dck", "fuk", "fuq", "fux", "fvk", "fxk", "phk"})

# Ordinary words, names and abbreviations, and what these turn into, that some forbidden word would turn into too.
ORDINARY = frozenset(
    """
    abbs agin batches blatch blotch blotches bobos bona bonas botches cips clist cocs crps ctrs depar doon drat dyck
    edun fatos fked flig flim flying flyng fuca fung fvta fxcing fxur gori hadron hadrons haggin hebes hoess homx
    hookah horess horse horses hoses huggin hugin implement implements jihads kips knaw koon koons kuck kummer kunst
    kuntz lana lanna limpng lisi loll lolls masc mfrs miming muzzle muzzles nany neet nemes nips noob orgs overdoes
    pntng polka polkas prons rapa riggin roofed scuf separ shaggin shiet skips skoog smbs soba spgs stools
    teen theb thts thxt tittle tittles tlts tools toron tortura tozer trads trns trono tties ttis tums uber zaps
    """.split()  # noqa: SIM905 # easier to read and to keep in order
)

# Words, names and endings that stand by themselves, of which a longer word may be put together by chance: "pen is". A
# word broken into two pieces counts only where one of them is not here.
PIECES = frozenset(
    """
    ace acre acres act ad add age ago ah aid aim aimed aiming air al alan ale ali all am amp amps amy an ana anal
    and andy angle angled angles ann anna annie ant anti ants any ape apes apt arc are ark arm art arts as ash ask
    ass at ate awe axe back backs bad bag bags bait ball ban bang banger bangers bangs bar bare bars base bass bat
    bate bates bats bay be bean bear beat bed bee beg bell belt ben bent best bet bia bias big bike bill bin bird
    bit bite bites bits black blood blouse blow blue bo board boat bob body bold bomb bon bond bone bones book boost
    boot border bore born boss both bottom bow box boy boys bra brain bread break bright bring bro brown bs bud bug
    bull bulls bump bun bunnies bunny burn bus bush but butt buy by cab cage caine cake call calm cam came camel can
    cann canni cannibal cap car card care case cast cat cats cc ch chain chair chan chest chi chicken chickens child
    chin china ching chip cide circle city cl class clay clean clear cli clip clown clowns club co coach coal coast
    coat coca cock cocker code coin coke cold come con cons cook cool cop cope copy core corn cost cough could count
    counter court cover cow crab crack cracks crap cream creek crew crib cricket crickets crisp crop cross crow
    crowd crown cry cs cub cue cum cup cut cutter da dad dage dam damn dan dare dark dash data date dave dawn day de
    dead deal dear debt deck deep deer del dent des desk di dickens die dig dil dim din dip dips dirt dish dive do
    dock doe dog dogs doll dom dome doms don done door dose dosing dot down dr drag drape draw dress drink drop drug
    drum dry du duck due dumb dump dust duty dy each ear earn ease east easy eat ecstasy ed edge edo egg ego eh
    eight el else en end entrails er era erect ers es est ester et eva even ever ex eye eyes fa face faces fact fad
    fag fags fail fair fall fan fans far farm fast fat fate fay fc fear fed fee feed feel feet fell fet fetish few
    fi fig file fill film fin find fine finger fire fish fist fit five fix fk flag flat flesh flip float floor flow
    flower flowers fly fm foam fog fold folk food fool foot for fore fork form fort four fox free fresh from front
    fruit fs full fun fur ga gag gal game gang gap gas gasm gate gave gay gays gear gel gem gender get gets gg gig
    gin girl girls give glad glass globe glory glow glue go goal goat god gold gone good gore got grab grain grand
    grape grapes grass gray grease great green greg grey grid grim grin grip group grow gs guard guess guest guide
    gulf gum gun gut guy guys ha had hair hal half hall ham han hand hang hans hard harm hat hate hats have hay he
    head headed header headers heading heads heap hear heart heat heel held hell help hen her herb here hero heroine
    hers het hi hid hide high hill him hint hip hire his hit hits ho hold hole holes home hook hooker hop hope horn
    horse horses hose host hot hour house how hub hug huge human humans hunt hunter hurt ian ians ice icon ics id
    ide idea ides ie if ike ill in ina inc inch infant ing ink inks inn inspiration intestine io ion ions ira ire
    iron is ish isis island ism ist it ita itch itching itchy its ivy jack jail jam jan jar jaw jay jazz jeep jerk
    jerks jet jew ji jim jo job jobs joe jog join joint joke jon jose joy jug juice jump jumper jungle junk just kan
    keen keep ken key keys ki kick kid kids kill kim kin kind kinder king kiss kit kite klux knee knew knife knob
    knot know ks ku la lab lace lack lad ladies lady lake lamb lamp land lane lap large laser last late laughter law
    lax lay laying le lead leaf lean leap leather led lee lees left leg len lend lens leo ler lesb less lester let
    lf lia lick licks lid lie life lift light lights like lime limp lin line ling lion lip list lit little live liz
    load loan lock log lol loli lone long look loop loose loot lord lords lose loss lost lot loud love low luck lump
    lung lush lust ly lynch lynn ma mac mad made maid mail main make male males mall man mandate mane mans many map
    mark mas mask mass mast master masters mat match mate math max may md me meal mean meat med meet melt member
    members men menu mer mess met meth mf mi mia mice mid mild mile milk mill min mind mine ming minors mint miss
    mist mix mm mo moan mob mode mole moles mom monk monkey monkeys moo mood moon more moss most moth mother mouse
    mouth move mr ms much mud mug mule munch murder must my na nail name nan nap nat nation nations nazi ne near
    neat neck ned need ness nest net new news next ni nice nick nie night nine nk no nod none noon nor north nose
    noses not note noun now ns nt nu nude nun nut nuts ny oak oar och od odd of off oh oil ok old on one only open
    or oral ore org organ organs os ot other our out oven over own pa pack pad page paid pail pain pair pale palm
    pam pan pant pants panty park part party pass past pat path pay pe pea peace peach peak pear pearl peck pecker
    peg pen people per pers perv pes pet pets phil pi pic pick picks pics pie pies pig pike pile pill pin pine ping
    pink pinks pint pipe pirate pirates pit plain plan plane plant plate play plot plug pm po pole poll pond pony
    pool poor pop pope por porch pore pork port pose post pot pour prep press pro pub puff pull pump pun punch punk
    pup pure purse pus push put qaeda race rack rag rail rails rain raise ram ran rand range rank rap rapper rare
    rat rate raw ray re read real rear rec rectum red ref rent res rest rested rex rib rice rich rid ride riding
    right rim ring rings rip rise rising risk rn ro road roast rob robe rock rod roll ron roof room rooms root rope
    ros rose rot rough round row roy rs rub rude rug ruin rule run rush rust sack sacred sad sado safe said sail sal
    sale salt sam same sand sang sap sat sauce save saw say scar school scum se sea seal seam seat see seed seek
    seem seen self sell send sent set seven sewer sex sh shade shake shall shape share shark sharp she sheep sheet
    shelf shell shin shine ship shirt shitake shock shoe shop shore short shot shota shots show shut shy si sick sid
    side sight sign silk sing sink sip sir sis sissy sit site six size ski skin skins skip skirt skirts skull sky sl
    sla slant slap slave slaves slick slide slim slime sling slip slit slot slow sly smart smell smile smith smiths
    smoke smoker smooth snake snow so soap sob sock soft soil sold sole solo some son song soon sore sort soul sound
    soup sour south spa space spear spin spit spot spray spring spun square squirt st sta stab stage stain stained
    stains stamp stan stand star stars start state station stay steak steam steel stem step stick still sting stings
    stir stock stone stood stool stop store storm story str strap straw stream street stress string strip stripper
    strong stub stuck stun style sub such suck sucker sucking sucks sue sui suicide suit sum sun sure surf swan swap
    swastika sweat sweet swim swing swipe sy ta tab table tad tail take tale talk tall tame tan tank tap tape tar
    tart task tax te tea teach team tear teas tease teaser tech ted tee teen ten tend tent term test text tgirl th
    than that the them then there these they thick thin thing think this those three throat throne through throw
    thumb ti ticket tie tied tier ties tiger tight tile till tim time tin ting tiny tip tire tit tits to toad toast
    toe toes told tom ton tone tool top tor tori torn toss touch tough tour tow towel tower town toy toys tr track
    trade trail trails train tranny trans trap trapes tray tree trick trim trip true trunk trust truth try ts tub
    tube tuck tug tum tune turn tw twin two type ugly uk un under unit up upon urge us use used ut va vag val van
    vase vast vat vein vert verts ves vest vet vic vie view virus viruses void vs wade wads waffle waffles wag wage
    wait wake walk wall wand wang wank want war ward warm wart was wash waste watch water wave wax way we weak
    weaker wear web wed weed weeds week well went were west wet whale what wheat wheel when where which while whip
    white who whole whom why wide wife wig wild will win wind wine wing wink wipe wipes wire wise wish wit with wits
    wo wolf woman women won wonder wong wood wool word work world worm worn worth would wow wrap write ya yak yam
    yang yard yarn ye year yellow yes yet yo you young your yourself zi zip zipper zis zoo
    """.split()  # noqa: SIM905 # as above
)

# Words that people write with hardly a letter shown, and those of three letters that they star: "f***", "p***y", "s*x".
CONVENTIONALLY_MASKED = frozenset(
    """
    ass asshole assholes bastard bastards bitch bitches bitching bullshit clit cock cocks cocksucker cocksuckers cum
    cunt cunts dick dickhead dickheads dicks dildo fag faggot faggots fags fuck fucked fucker fuckers fuckin fucking
    fucks hoe hoes horny motherfucker motherfuckers motherfucking naked nigga niggah niggas nigger niggers nipple
    nipples orgasm porn pussies pussy rape raped rapist retard retarded retards sex sexy shit shits shitty slut sluts
    suicide tits titties tranny vagina whore whores
    """.split()  # noqa: SIM905 # as above
)
# Those of them of which the first letter is enough.
_BY_FIRST_LETTER = frozenset({"fuck", "fucks", "fucker", "fucking", "shit", "cunt", "bitch", "nigger", "niggers"})
# Masked words that may as well be an ordinary word.
NOT_MASKED = frozenset({"th*t", "th*ts", "ti*s", "s*it", "si*s", "p*ki", "ab*s", "h*re", "h*res", "a*s"})
# Words of which both pieces may stand alone, and hardly ever stand beside each other otherwise.
_BROKEN = frozenset(
    tuple(pair.split())
    for pair in """
    ass hole, ass holes, b itch, b itches, b itching, bit ch, bit ching, cock sucker, cum ming, cum shot, dil do, f ag,
    f ags, fa gs, fag got, ho es, hook er, hook ers, mi lf, nu des, or gasm, po rn, pus sy, sl ut, sui cide, ti ts,
    tw at, vag ina, wank er, wank ers
    """.split(",")  # noqa: SIM905 # as above
)


def spellings(word: str) -> Iterator[tuple[str, str]]:
    """The respelled forms of a word of small ASCII letters, each with the respelling's name. May repeat themselves."""
    if len(word) < SHORTEST:
        return
    for spelling, kind in _all_spellings(word):
        if len(spelling) < SHORTEST and spelling not in _SHORT_SPELLINGS:
            continue
        if spelling != word and spelling not in ORDINARY:
            yield spelling, kind


def _all_spellings(word: str) -> Iterator[tuple[str, str]]:
    yield word[::-1], REVERSED
    yield codecs.encode(word, "rot13"), ROT13
    for one, other in ("il", "li"):
        for place, letter in enumerate(word):
            if letter == one:
                yield word[:place] + other + word[place + 1 :], HOMOGLYPHS
        yield word.replace(one, other), HOMOGLYPHS
    places = [i for i, letter in enumerate(word) if letter in VOWELS]
    for place in places:
        yield word[:place] + "x" + word[place + 1 :], MASKED
        if word[place] == "u":
            yield word[:place] + "v" + word[place + 1 :], MASKED
    if len(places) > 1:
        yield "".join("x" if letter in VOWELS else letter for letter in word), MASKED
    yield word[0] + "".join(letter for letter in word[1:] if letter not in VOWELS), NO_VOWELS
    if len(word) >= 7:
        for place in places[1:] if places[:1] == [0] else places:
            yield word[:place] + word[place + 1 :], NO_VOWELS
    for place in range(1, len(word) - 1) if len(word) > SHORTEST else ():
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :], SWAPPED
    once = list(_sounded(word))
    once += [twice for spelling in once for twice in _sounded(spelling)]
    for spelling in once:
        yield spelling, SOUND


def _sounded(word: str) -> Iterator[str]:
    for pattern, replacement in _SOUNDS:
        pieces = pattern.split(word)
        if len(pieces) > 1:
            yield replacement.join(pieces)


def splits(word: str) -> Iterator[tuple[str, str]]:
    """The two pieces of a word broken once, where not both are words of their own."""
    if len(word) < SHORTEST:
        return
    for place in range(1, len(word)):
        first, second = word[:place], word[place:]
        if (first, second) in _BROKEN or not (is_piece(first) and is_piece(second)):
            yield first, second


def is_piece(piece: str) -> bool:
    """Whether a piece of a word may stand there as a word of its own."""
    return len(piece) == 1 or piece in PIECES


def unmasks(masked: str, word: str) -> bool:
    """Whether a masked word is `word`, of as many letters. A * is a hidden letter, a 1 is an l or an i."""
    visible = len(masked) - masked.count("*")
    if masked in NOT_MASKED:
        return False
    if visible < 3 and word not in (CONVENTIONALLY_MASKED if visible > 1 else _BY_FIRST_LETTER):
        return False
    if masked[-1] == "*" and visible > 1 and visible * 2 <= len(masked):
        return False
    return all(a in (b, "*") or (a == "1" and b in "il") for a, b in zip(masked, word, strict=True))
