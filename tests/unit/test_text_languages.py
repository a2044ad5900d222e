"""The strongest terms of languages other than English: what is found, and what is left alone."""

from __future__ import annotations

import pytest

from services.text_moderation.detectors.terms import Terms

TERMS = Terms.load()

BAD = {
    "es": ["una mujer desnuda en la playa", "vete a la mierda, hijo de puta", "un soldado decapitado"],
    "fr": ["une femme nue sur un lit", "va te faire foutre, connard", "un homme égorgé dans la rue"],
    "de": ["ein Bild von einer nackten Frau", "du bist ein Hurensohn", "ein zerstückelter, enthaupteter Mann"],
    "it": ["una donna nuda sul letto", "vaffanculo, stronzo", "un uomo decapitato in piazza"],
    "pt": ["uma mulher nua na praia", "vai tomar no cu, filho da puta", "um homem degolado na rua"],
    "nl": ["een naakte vrouw op het strand", "rot op, kankerhoer", "een onthoofde soldaat"],
    "pl": ["naga kobieta na plaży", "spierdalaj, ty skurwysynie, kurwa", "odcięta głowa na stole"],
}
HARMLESS = {
    "en": [
        "a moose drinks from a lake", "the bite of a con man", "fodder for the horses", "pedal steel guitar",
        "a troika in Troy", "the cone of an ice cream",
    ],
    "es": ["pollo asado con pimiento", "un cono de helado junto al mar", "la pena de un pescador viejo"],
    "fr": ["soupe d'orge et de légumes", "une chatte et ses chatons", "il pede du vélo le dimanche"],
    "de": ["ein dicker Kater auf dem Sofa", "Kinder spielen am Meer", "der Hahn auf dem Mist"],
    "it": ["un bene per tutti", "la guerra di Troia, affresco", "una fica d'India matura"],
    "pt": ["um pau de canela na mesa", "a menina pede um gelado", "bicha de pessoas na padaria"],
    "nl": ["een fiets huren in de stad", "negeer het bericht", "kinderen in het park"],
    "pl": ["pedał gazu w starym aucie", "suka pilnuje szczeniąt", "dzieci na placu zabaw"],
}  # fmt: skip


@pytest.mark.parametrize("text", [text for texts in BAD.values() for text in texts])
def test_the_strongest_terms_are_found(text: str) -> None:
    assert [finding.label for finding in TERMS.detect(text) if finding.confidence >= 0.5]


@pytest.mark.parametrize("text", [text for texts in HARMLESS.values() for text in texts])
def test_ordinary_words_that_look_like_another_languages_bad_ones_are_left_alone(text: str) -> None:
    assert [finding.label for finding in TERMS.detect(text) if finding.confidence >= 0.5] == []


@pytest.mark.parametrize("text", ["una niña desnuda", "ein nacktes Kind", "une fillette toute nue", "la bambina nuda"])
def test_a_child_beside_a_word_for_nudity_is_more_than_nudity(text: str) -> None:
    assert "minors" in {finding.label.split(".")[1] for finding in TERMS.detect(text)}
