"""Licences by tag, by SPDX id, and in running text."""

import pytest

from shared.licence_names import ORDER, duty, licence, recognise, restriction

TAGS = [
    ("apache-2.0", "Apache-2.0", "yes"),
    ("MIT", "MIT", "yes"),
    ("cc0-1.0", "CC0-1.0", "yes"),
    ("pddl", "PDDL-1.0", "yes"),
    ("bsd-3-clause", "BSD-3-Clause", "yes"),
    ("cc-by-4.0", "CC-BY-4.0", "conditions"),
    ("cc-by-3.0", "CC-BY-3.0", "conditions"),
    ("cc-by-sa-3.0", "CC-BY-SA-3.0", "conditions"),
    ("cc-by-nd-4.0", "CC-BY-ND-4.0", "conditions"),
    ("odc-by", "ODC-By-1.0", "conditions"),
    ("odbl", "ODbL-1.0", "conditions"),
    ("cdla-permissive-2.0", "CDLA-Permissive-2.0", "conditions"),
    ("cdla-sharing-1.0", "CDLA-Sharing-1.0", "conditions"),
    ("gpl-3.0", "GPL-3.0", "conditions"),
    ("agpl-3.0", "AGPL-3.0", "conditions"),
    ("lgpl-2.1", "LGPL-2.1", "conditions"),
    ("openrail++", "OpenRAIL", "conditions"),
    ("bigscience-bloom-rail-1.0", "OpenRAIL", "conditions"),
    ("llama2", "Llama-2", "conditions"),
    ("llama3", "Llama-3", "conditions"),
    ("llama3.2", "Llama-3.1", "conditions"),
    ("gemma", "Gemma", "conditions"),
    ("qwen-research", "Qwen-Research", "no"),
    ("mrl", "Mistral-Research", "no"),
    ("cc-by-nc-4.0", "CC-BY-NC-4.0", "no"),
    ("cc-by-nc-sa-2.0", "CC-BY-NC-SA-2.0", "no"),
    ("cc-by-nc-nd-3.0", "CC-BY-NC-ND-3.0", "no"),
    ("apple-amlr", "Apple-Research", "no"),
    ("other", "LicenseRef-other", "unknown"),
    ("unknown", "LicenseRef-other", "unknown"),
    ("cc", "CC", "unknown"),
]

TEXTS = [
    ("CC BY-NC 4.0", ["CC-BY-NC-4.0"]),
    ("CC BY NC SA", ["CC-BY-NC-SA"]),
    ("ODC-BY-1.0 + research note", ["ODC-By-1.0"]),
    ("MIT / none", ["MIT", "NONE"]),
    ("CC-BY-SA-3.0 + GFDL", ["CC-BY-SA-3.0", "GFDL"]),
    ("Llama 3.1 community / CC-BY-NC", ["Llama-3.1", "CC-BY-NC"]),
    ("Creative Commons Attribution Share Alike 4.0 International", ["CC-BY-SA-4.0"]),
    ("Creative Commons Attribution-NonCommercial 4.0", ["CC-BY-NC-4.0"]),
    ("https://creativecommons.org/licenses/by/4.0/", ["CC-BY-4.0"]),
    ("This dataset is released under the MIT License.", ["MIT"]),
    ('Licensed under the Apache License, Version 2.0 (the "License")', ["Apache-2.0"]),
    ("Permission is hereby granted, free of charge, to any person obtaining a copy", ["MIT"]),
    ("code under Apache 2.0, data under CC-BY-NC-4.0", ["Apache-2.0", "CC-BY-NC-4.0"]),
    ("printed by The MIT Press", []),
    ("nothing to see here", []),
    ("", []),
]


@pytest.mark.parametrize(("tag", "spdx", "commercial"), TAGS)
def test_every_tag_of_the_hub_names_its_licence(tag, spdx, commercial):
    found = licence(tag)
    assert found is not None
    assert (found.id, found.commercial) == (spdx, commercial)
    assert found.commercial in ORDER


@pytest.mark.parametrize(("text", "ids"), TEXTS)
def test_running_text_names_licences_in_its_order(text, ids):
    assert [found.id for found in recognise(text)] == ids


def test_an_unknown_spelling_is_no_licence():
    assert licence("my-own-licence-9") is None


def test_a_licence_states_its_duties_in_words():
    found = licence("cc-by-sa-4.0")
    assert set(found.duties) == {"attribution", "changes", "share_alike"}
    assert found.duties["share_alike"] == duty("share_alike")
    assert found.sentence == "CC-BY-SA-4.0 permits commercial use under conditions"


@pytest.mark.parametrize(
    ("one", "other", "narrower"),
    [
        ("cc-by-nc-4.0", "mit", True),
        ("mit", "cc-by-nc-4.0", False),
        ("cc-by-nc-4.0", "cc-by-nc-sa-4.0", False),
        ("cc-by-sa-4.0", "mit", True),
        ("cc-by-sa-4.0", "cc-by-sa-3.0", False),
        ("cc-by-4.0", "mit", False),
        ("other", "mit", True),
        ("mit", "mit", False),
    ],
)
def test_narrower_means_forbids_or_passes_on_more(one, other, narrower):
    assert licence(one).narrower(licence(other)) is narrower


RESTRICTIONS = [
    ("For research purposes only.", "no"),
    ("Only to be used for academic research.", "no"),
    ("This dataset must not be used for any commercial purpose.", "no"),
    ("Use is non-commercial.", "no"),
    ("仅允许将此数据集及其衍生物用于研究目的，不得用于商业。", "no"),
    ("It is intended for research and educational use.", "caution"),
    ("It may be used for research and commercial purposes.", None),
    ("We do not restrict commercial use.", None),
    ("Licensed under CC BY-NC 4.0.", None),
    ("A corpus of research papers.", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "use"), RESTRICTIONS)
def test_sentences_that_narrow_the_use_are_found(text, use):
    found = restriction(text)
    assert (found and found[0]) == use


def test_the_text_of_a_licence_is_no_card():
    text = (
        "GNU General Public License. Terms and conditions. "
        + "You may convey it occasionally and non-commercially. " * 20
    )
    assert restriction(text + "non-commercial") is None
