"""Decodes replies with this repository's command line."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

RXARGS = Path(__file__).resolve().parents[3] / "dist" / "src" / "cli" / "main.js"


@dataclass(frozen=True)
class Reply:
    text: str
    ended: bool  # by the end token or a stop string, not at the token limit
    end_token: bool
    finish: str


def decode(prompts: list[str], work: Path, name: str, models: Path, end: int, *flags: str) -> dict[str, Reply]:
    """Replies by prompt, without those of error rows. The rows stay in `work`, so nothing is decoded twice."""
    rows = work / f"{name}.jsonl"
    if not rows.exists():
        source = work / f"{name}.prompts.jsonl"
        source.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        command = ["node", str(RXARGS), "generate", str(source), "--lm", str(models / "chat-lm"), "--reward", str(models / "chat-rm"), *flags]
        part = rows.with_suffix(".part")
        with part.open("w") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"rxargs ended with {done.returncode}: {done.stderr[-2000:]}")
        part.rename(rows)
    replies = {}
    for line in filter(None, rows.read_text().split("\n")):  # not splitlines: text may hold U+2028
        row = json.loads(line)
        if row["finish_reason"] == "error":
            print(f"{name}: left out: {row.get('error')}", flush=True)
            continue
        last = row["token_ids"][-1] if row["token_ids"] else end
        replies[row["prompt"]] = Reply(row["completion"], row["finish_reason"] == "stop", last == end, row["finish_reason"])
    return replies
