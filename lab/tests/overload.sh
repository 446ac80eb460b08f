#!/usr/bin/env bash
# A flood: as many frames as another processor can send, on the wire of a director that has one processor, shared with the
# kernel's receiving. It still delivers what it can, and answers whoever asks.

source "$(dirname "$(realpath "$0")")/../lib.sh"
need_root
build_svs
scratch=$(mktemp -d "${TMPDIR:-/tmp}/svs-lab.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
gcc -O2 -o "$scratch/bench-load" "$lab/tools/bench-load.c" || refuse "gcc does not compile lab/tools/bench-load.c"
python3 "$lab/tools/overload.py" "$svs" "$scratch"
