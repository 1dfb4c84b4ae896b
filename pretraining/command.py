"""The command line of the scripts that pretrain the shipped weights."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(train: Callable[..., Any], description: str, max_steps: int, **options: Any) -> None:
    """Parse the command line, call `train` with it and with `options`, and print the history."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=None)
    parser.add_argument("--max-steps", type=int, default=max_steps)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.data is None:
        parser.error("--data must be a folder, or SKSPEKTRON_DATA must be set.")
    pretrainer = train(
        args.output,
        args.data,
        max_steps=args.max_steps,
        seed=args.seed,
        checkpoint=args.checkpoint,
        **options,
    )
    for record in pretrainer.history_:
        print({name: round(value, 6) for name, value in record.items()})
