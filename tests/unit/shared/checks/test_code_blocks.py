import pytest

from shared.checks.code_blocks import block


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("a + b", "a + b"),
        ("```python\na + b\n```", "a + b\n"),
        ("Here:\n```\na\n```\nand\n```\nb\n```", "a\n"),
        ("```js\na", "a"),
        ("  ```c++\n  a\n  ```", "  a\n"),
        ("```python a + b```", "```python a + b```"),
        ("", ""),
    ],
)
def test_block(answer: str, code: str) -> None:
    assert block(answer) == code
