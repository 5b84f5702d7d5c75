"""The named benchmarks: what lm-eval calls them, where their data is, and whether they can run here."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from shared.env import Environment
from shared.errors import PlaygroundError


@dataclass(frozen=True)
class Benchmark:
    """A named benchmark.

    Attributes:
        name: What it is asked for by.
        title: As people call it.
        task: lm-eval's id of its task or group.
        folder: Where lm-eval keeps it, inside its folder of tasks.
        data: Its dataset on the Hub.
        needs: Python packages that its task needs besides lm-eval.
        gated: Whether its dataset asks for consent on the Hub first.
        programs: Whether it runs programs that the model wrote.
    """

    name: str
    title: str
    task: str
    folder: str
    data: str
    needs: tuple[str, ...] = ()
    gated: bool = False
    programs: bool = False


BENCHMARKS = (
    Benchmark("arc_easy", "ARC, easy", "arc_easy", "arc", "allenai/ai2_arc"),
    Benchmark("arc_challenge", "ARC, challenge", "arc_challenge", "arc", "allenai/ai2_arc"),
    Benchmark("hellaswag", "HellaSwag", "hellaswag", "hellaswag", "Rowan/hellaswag"),
    Benchmark("mmlu", "MMLU", "mmlu", "mmlu/default", "cais/mmlu"),
    Benchmark("mmlu_pro", "MMLU-Pro", "mmlu_pro", "mmlu_pro", "TIGER-Lab/MMLU-Pro"),
    Benchmark(
        "truthfulqa", "TruthfulQA (MC2)", "truthfulqa_mc2", "truthfulqa", "truthfulqa/truthful_qa", ("rouge_score",)
    ),
    Benchmark("winogrande", "WinoGrande", "winogrande", "winogrande", "allenai/winogrande"),
    Benchmark("gsm8k", "GSM8K", "gsm8k", "gsm8k", "openai/gsm8k"),
    Benchmark("drop", "DROP", "drop", "drop", "EleutherAI/drop", ("scipy",)),
    Benchmark("gpqa", "GPQA", "gpqa_main_zeroshot", "gpqa/zeroshot", "Idavidrein/gpqa", (), True),
    Benchmark("bbh", "BIG-Bench Hard", "bbh_cot_fewshot", "bbh/cot_fewshot", "SaylorTwift/bbh"),
    Benchmark("math", "MATH", "hendrycks_math", "hendrycks_math", "EleutherAI/hendrycks_math"),
    Benchmark("ifeval", "IFEval", "ifeval", "ifeval", "google/IFEval", ("langdetect", "immutabledict", "nltk")),
    Benchmark("musr", "MuSR", "leaderboard_musr", "leaderboard/musr", "TAUR-Lab/MuSR"),
    Benchmark("humaneval", "HumanEval", "humaneval", "humaneval", "openai/openai_humaneval", (), False, True),
)


def tasks() -> list[Benchmark]:
    """The named benchmarks."""
    return list(BENCHMARKS)


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        PlaygroundError: There is none.
    """
    for each in BENCHMARKS:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in BENCHMARKS)
    raise PlaygroundError(f"There is no benchmark '{name[:80]}'. Take one of: {known}.")


def data_of(benchmark: Benchmark, cache: Path | None = None) -> Path | None:
    """The folder with a benchmark's data; None when it is not on this disk.

    Args:
        benchmark: The benchmark.
        cache: The Hub's cache; None takes the one that huggingface_hub uses.
    """
    if cache is None:
        from huggingface_hub.constants import HF_HUB_CACHE

        cache = Path(HF_HUB_CACHE)
    place = cache / f"datasets--{benchmark.data.replace('/', '--')}"
    named = place / "refs" / "main"
    commit = named.read_text().strip() if named.is_file() else ""
    found = sorted((place / "snapshots").glob("*"), key=lambda folder: (folder.name != commit, folder.name))
    return next((folder for folder in found if any(folder.iterdir())), None)


def why_not(benchmark: Benchmark, environment: Environment, cache: Path | None = None) -> str:
    """Why a benchmark cannot run here, and what to do; "" when it can."""
    if benchmark.programs and (environment.public or not environment.run_code):
        where = "never on a Space" if environment.public else "only where PLAYGROUND_RUN_CODE=1 is set"
        return f"{benchmark.title} runs programs that the model wrote: {where}."
    missing = [] if benchmark.programs else [name for name in ("lm_eval", *benchmark.needs) if not installed(name)]
    if missing:
        return f"{benchmark.title} needs Python packages that are not installed: {', '.join(missing)}. See requirements-lm-eval.txt."
    if data_of(benchmark, cache) is None:
        gate = " after you agreed to its terms on its page" if benchmark.gated else ""
        return (
            f"The data of {benchmark.title} is not on this disk. Fetch it{gate}: add {benchmark.data} to manifests/datasets.txt "
            f"and run 'make download', or run 'hf download --repo-type dataset {benchmark.data}'."
        )
    return ""


def installed(name: str) -> bool:
    """Whether a Python package is installed; it is not imported for that."""
    return importlib.util.find_spec(name) is not None
