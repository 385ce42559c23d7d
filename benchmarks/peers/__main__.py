"""`python -m benchmarks.peers [NAME ...]`: build the environments of the peers, and say what they hold."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.peers.environments import NOT_PACKAGED, PEERS, cache_folder, environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(p.name for p in PEERS))
    parser.add_argument("--again", action="store_true", help="build them anew")
    parser.add_argument("--folder", type=Path, help="instead of the folder of caches of the user")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - {peer.name for peer in PEERS})
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}")
    folder = cache_folder(options.folder)
    for peer in PEERS:
        if not options.names or peer.name in options.names:
            found = environment(peer, folder, options.again)
            print(f"{peer.name}: {found.versions or found.problem}", flush=True)
    for name, reason in NOT_PACKAGED.items():
        print(f"{name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
