import math

from apps.dataset_explorer.keywords import name_clusters


def test_worked_example():
    # Cluster 0 holds "cat" 4 times and "fish" 2 times in 6 words, as often as all texts hold "fish": it says nothing there.
    # Six keywords would be too many to ask for, so the second round asks for less, and weights decide:
    # cat: sqrt(4/6) ln(1 + 6/4) = 0.748; fish: sqrt(2/6) ln(1 + 6/4) = 0.529.
    texts = ["cat cat fish", "cat cat fish", "dog dog fish", "dog dog fish"]
    assert name_clusters(texts, [0, 0, 1, 1], 2) == [["cat", "fish"], ["dog", "fish"]]


def test_the_order_is_that_of_the_weights():
    rows = ["alpha beta", "alpha beta", "alpha gamma beta", "gamma alpha"]
    others = ["delta epsilon zeta"] * 8
    named = name_clusters([*rows, *others], [0] * 4 + [1] * 8, 2)

    def weight(term):
        count = sum(row.split().count(term) for row in rows)
        return math.sqrt(count / 9) * math.log(1 + (9 + 24) / 2 / count)

    assert named[0] == sorted(["alpha", "beta", "gamma"], key=lambda term: -weight(term))


def test_words_of_grammar_are_never_keywords():
    texts = ["The cats are sleeping and the cats are purring.", "cats and the mice"] * 2
    assert name_clusters(texts, [0] * 4, 1) == [["cats", "mice", "purring", "sleeping"]]


def test_chinese_pairs_are_joined_to_words():
    texts = ["机器学习改变世界", "深度机器学习", "机器学习是什么", "天气很好", "今天天气不错", "明天天气如何"]
    named = name_clusters(texts, [0, 0, 0, 1, 1, 1], 2)
    assert named[0][0] == "机器学习"
    assert named[1][0] == "天气"
    assert not any("是" in word for word in named[0])


def test_long_chains_are_cut():
    named = name_clusters(["中华人民共和国万岁"] * 3, [0, 0, 0], 1)
    assert all(2 <= len(word) <= 4 for word in named[0])


def test_numbers_and_single_characters_say_nothing():
    assert name_clusters(["12 7 __ x 我 3_4"] * 3, [0] * 3, 1) == [[]]
    assert name_clusters([], [], 0) == []
    assert name_clusters([""], [0], 1) == [[]]


def test_japanese_grammar_is_left_out():
    named = name_clusters(["東京タワーに行きました", "東京タワーを見ました"], [0, 0], 1)
    assert "東京" in named[0][0]
    assert not any("\u3040" <= character <= "\u309f" for word in named[0] for character in word)


def test_what_is_all_over_the_rows_is_left_out_where_there_is_enough_else():
    rows = [f"topic{n % 4} one{n % 2} two{n % 3} red blue green amber violet shared" for n in range(12)]
    others = [f"plain{n % 3} shared other things are here now shared" for n in range(30)]
    named = name_clusters([*rows, *others], [0] * 12 + [1] * 30, 2)
    assert "shared" not in named[0]
    assert len(named[0]) == 6
