from apps.dataset_explorer.fineweb import measure_fineweb
from apps.dataset_explorer.sheet import Sheet


def test_worked_example():
    text = "A line that ends well and is longer than thirty.\nshort\nshort\n\n再见。"
    found = {name: column[0] for name, column in measure_fineweb(Sheet([text])).items()}
    assert found["fineweb_punctuated_lines"] == 2 / 4
    assert found["fineweb_short_lines"] == 3 / 4
    assert found["fineweb_duplicate_characters"] == 5 / (48 + 5 + 5 + 3)
    assert found["fineweb_line_feeds"] == 4 / 14


def test_a_space_after_the_end_hides_it():
    assert measure_fineweb(Sheet(["Ends. ", "Ends."]))["fineweb_punctuated_lines"].tolist() == [0, 1]


def test_rows_without_lines():
    for column in measure_fineweb(Sheet(["", "\n", "  "])).values():
        assert column.tolist() == [0, 0, 0]
