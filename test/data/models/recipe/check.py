"""Checks of the recipe that need the standard library only: every file parses, and the splits keep what they promise. Prints TAP."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "data" / "models" / "recipe"))

import texts  # noqa: E402


def pair(prompt: str) -> texts.Pair:
    return texts.Pair(f"\n\nHuman: {prompt}\n\nAssistant:", " yes", " no")


PAIRS = [pair(f"question {i}") for i in range(400)] + [pair(f"question {i}\n\nAssistant: go on\n\nHuman: why?") for i in range(400)]


def every_file_parses():
    files = [path for folder in ("data", "test") for path in (ROOT / folder).rglob("*.py") if ".venv" not in path.parts]
    for path in files:
        ast.parse(path.read_text(encoding="utf-8"), str(path))
    assert len(files) > 2


def a_text_falls_into_the_same_half_each_time_and_both_halves_are_used():
    halves = [texts.half(str(i), "salt") for i in range(1000)]
    assert halves == [texts.half(str(i), "salt") for i in range(1000)]
    assert 400 < sum(halves) < 600


def the_halves_of_the_reward_models_share_no_first_turn_and_lose_no_pair():
    halves = [texts.reward_half(PAIRS, which) for which in (0, 1)]
    first_turns = [{texts.first_turn(pair.prompt) for pair in half} for half in halves]
    assert not first_turns[0] & first_turns[1]
    assert len(halves[0]) + len(halves[1]) == len(PAIRS)


def validation_and_test_prompts_share_no_first_turn():
    first_turns = [{texts.first_turn(prompt) for prompt in texts.prompts(PAIRS, which)} for which in ("validation", "test")]
    assert first_turns[0] and first_turns[1] and not first_turns[0] & first_turns[1]


def every_reply_of_a_conversation_stands_after_what_came_before_it():
    talk = texts.Pair("\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:", " d", " e")
    assert texts.replies_of(talk) == [("\n\nHuman: a\n\nAssistant:", " b"), (talk.prompt, " d"), (talk.prompt, " e")]
    assert texts.turns_of("\n\nHuman: a\n\nAssistant: b\n\nHuman: c") == ["a", "b", "c"]


def candidates_hold_the_own_reply_first_and_nineteen_others_once_each_by_seed():
    drawn = texts.candidates(50)
    assert drawn == texts.candidates(50) != texts.candidates(50, 1)
    assert len(drawn) == 50
    for own, draws in enumerate(drawn):
        assert len(draws) == texts.DRAWS
        assert all(draw[0] == own and len(set(draw)) == len(draw) == 20 and set(draw) <= set(range(50)) for draw in draws)


CHECKS = [
    every_file_parses,
    a_text_falls_into_the_same_half_each_time_and_both_halves_are_used,
    the_halves_of_the_reward_models_share_no_first_turn_and_lose_no_pair,
    validation_and_test_prompts_share_no_first_turn,
    every_reply_of_a_conversation_stands_after_what_came_before_it,
    candidates_hold_the_own_reply_first_and_nineteen_others_once_each_by_seed,
]

if __name__ == "__main__":
    failures = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"ok - {name}")
        except Exception as error:
            failures += 1
            print(f"not ok - {name}: {error!r}")
    sys.exit(1 if failures else 0)
