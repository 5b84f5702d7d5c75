"""Stories keep to the name and the thing that they are told."""

import re

from embedded.draw import Draw
from embedded.stories import story
from embedded.vocabulary import NAMES, OBJECTS


def test_a_story_keeps_its_name_and_thing() -> None:
    draw = Draw(3)
    for _ in range(40):
        name, thing = draw.pick(NAMES), draw.pick(OBJECTS)
        text = story(draw, name=name, thing=thing)
        assert text.count(name) >= 2
        assert thing in text
        assert not re.search(r"[{}]", text)
    assert "Zzyx" in story(draw, name="Zzyx", thing="ball", place="the barn")
