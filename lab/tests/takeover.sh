#!/usr/bin/env bash
# The pair of lab/demo keepalived, whose master dies again and again, by power and by cable in turn: each time the backup answers in
# time, and of twenty running downloads twenty end.
# lab/tests/takeover.sh [DEATHS]: so many, 2 without a number.

source "$(dirname "$(realpath "$0")")/../lib.sh"
deaths=${1:-2} interval=0.3
begin_test keepalived
topology_build
topology_start
for ((death = 1; death <= deaths; death++)); do
  say "Death $death of $deaths"
  if ((death % 2)); then takeover power_off boot; else takeover cable_out cable_in; fi
done
judged
exit $((failures > 0))
