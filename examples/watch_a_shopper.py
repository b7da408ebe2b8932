"""Watch one customer: the pages of their visits, as an animated picture.

    python examples/watch_a_shopper.py shopper.gif

The policy here is the simplest there is: the first candidates in stock.
"""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
from PIL import Image

import shopgym  # noqa: F401 (registers the environments)

PAGES, SECONDS_A_PAGE = 10, 1.8


def main(path: str, seed: int = 7) -> None:
    """Follow the customer of ``seed`` for up to ``PAGES`` pages."""
    env = gymnasium.make("shopgym/Shopper-v0", form="slate", render_mode="rgb_array")
    _, info = env.reset(seed=seed)
    frames = []
    for _ in range(PAGES):
        slate = np.argsort(-info["action_mask"], kind="stable")[:5]
        _, _, terminated, truncated, info = env.step(slate)
        frames.append(Image.fromarray(np.asarray(env.render())))
        if terminated or truncated:
            break
    milliseconds = int(1000 * SECONDS_A_PAGE)
    small = [frame.quantize(64) for frame in frames]
    small[0].save(path, save_all=True, append_images=small[1:], duration=milliseconds, loop=0)
    print(f"{len(frames)} pages in {path}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "shopper.gif")
