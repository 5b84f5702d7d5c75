import pytest

from shared.checks.lean_code import definitions

PRODUCT = ("multiply", ("a", "b"), ("a", "*", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "def multiply (a b : Nat) : Nat := a * b",
        "def multiply (a : Nat) (b : Nat) := (a * b)",
        "def multiply (a b : ℕ) : ℕ :=\n  a * b",
        "def multiply a b := a * b",
        "abbrev multiply := fun (a b : Nat) => a * b",
        "def multiply : Nat → Nat → Nat := fun a b ↦ a * b",
        "def multiply : Nat -> Nat -> Nat := λ a b => a * b",
        "def multiply : Nat → Nat → Nat\n  | a, b => a * b",
        "def multiply (a : Nat) : Nat → Nat := fun b => a * b",
        "def multiply {α : Type*} [Mul α] (a b : α) : α := a * b",
        "def multiply {α : Type u} [inst : Mul α] (a b : α) : α := a * b",
        "def multiply ⦃n : Nat⦄ (a b : Fin n) : Fin n := a * b",
        "def multiply (a b : Nat) : Nat :=\n  let c := a * b\n  c",
        "def multiply (a b : Nat) : Nat :=\n  let c : Nat := a * b; c",
        "def multiply (a b : Nat) : Nat := ((a * b : Nat))",
        "-- product\n/-- of two\n numbers -/\ndef multiply (a b : Nat) : Nat := a * b\n\n#eval multiply 2 3",
        "import Mathlib\nopen Nat\n\nprivate noncomputable def multiply (a b : ℝ) : ℝ := a * b",
        "theorem t : 1 = 1 := rfl\ndef multiply (a b : Nat) : Nat := a * b",
    ],
)
def test_one_product_in_many_forms(text: str) -> None:
    assert [(each.name, each.parameters, each.result) for each in definitions(text)] == [PRODUCT]


@pytest.mark.parametrize(
    "value",
    [
        "a * b * 2",
        "a * b + 1",
        "f a b",
        'f "x" 3 ⟨a, b⟩ ()',
        "if a = 0 then 0 else a * b",
        "-a * b",
        "(a, b)",
        "g (fun x => x) a",
        "a",
        "a ^ b ^ 2 → c",
        "fun c => c",
        "h (let x := a; x) b",
    ],
)
def test_other_values_are_read_but_are_no_product(value: str) -> None:
    (found,) = definitions(f"def f (a b : Nat) : Nat := {value}")
    assert found.result is None


def test_several_alternatives_have_no_one_result() -> None:
    (found,) = definitions("def f : Nat → Nat → Nat\n  | 0, b => b\n  | a, b => a * b")
    assert found.result is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f (a b : Nat : Nat := a * b", 1),
        ("def f (a b : Nat) : Nat := a * b)", 1),
        ("def f (a b : Nat) : Nat = a * b", 1),
        ("def f (a b : Nat) : Nat :=\n  a *", 2),
        ("def f (a b : Nat) : Nat :=", 1),
        ("def f (a, b : Nat) : Nat := a", 1),
        ("def f [ ] : Nat := 1", 1),
        ("def : Nat := 1", 1),
        ("def", 1),
        ("def multiply(a, b):\n    return a * b", 1),
        ("a * b", 1),
        ("def f := by simp", 1),
        ("def f :=\n\n  a ~ b", 3),
        ('def f := "x', 1),
        ("def f := " + "(" * 500 + "a" + ")" * 500, 1),
        ("def f := if a then b", 1),
    ],
)
def test_faults(text: str, line: int) -> None:
    with pytest.raises(SyntaxError) as caught:
        definitions(text)
    assert caught.value.lineno == line


def test_nothing() -> None:
    assert definitions("") == []
    assert definitions("-- only a comment") == []
    assert definitions("#eval 1 + 1") == []
    assert definitions("private") == []
