# Words shared by the scripts of this folder. To be sourced.

set -u -o pipefail
fuzz=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$fuzz")")
work=${SVS_FUZZ_WORK:-$root/.build/fuzz}
# The backtrace of the sanitizer is enough, and nobody looks up names outside.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:malloc_context_size=4 LC_ALL=C

# build: sets $binary. Optimised, with preconditions and the address sanitizer.
build() {
  # The compiler of Swift heeds the last of its -sanitize alone.
  local flags=(--package-path "$fuzz" --scratch-path "$work/build" -c release --sanitize address --sanitize fuzzer
    -Xswiftc -sanitize=address,fuzzer -Xswiftc -enable-testing -Xswiftc -use-ld=lld)
  mkdir -p "$work"
  # The same versions of what comes from outside.
  [[ ! -e $root/Package.resolved ]] || cp "$root/Package.resolved" "$fuzz/"
  swift build "${flags[@]}" --product fuzz >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; return 1; }
  binary=$(swift build "${flags[@]}" --show-bin-path 2>/dev/null)/fuzz
}

targets() { FUZZ_TARGET='' "$binary"; }

# seed TARGET: its first inputs, in $work/corpus/TARGET: the committed ones, and files of that kind that cases have.
seed() {
  local folder=$work/corpus/$1 cases=$root/Tests/ReplayTests/Cases rules=$root/Tests/AdminTests/Rulesets file
  mkdir -p "$folder"
  [[ ! -d $fuzz/corpus/$1 ]] || cp -n "$fuzz/corpus/$1"/* "$folder"/
  case $1 in
    storm) cp -n "$fuzz/corpus/director"/* "$folder"/ ;;
    control-storm) cp -n "$fuzz/corpus/control"/* "$folder"/ ;;
    services)
      take "$folder" "$cases" -name services
      take "$folder" "$cases" -name edits ;;
    network | connections | sysctl) take "$folder" "$cases" -name "$1" ;;
    marks)
      take "$folder" "$cases" -name 'marks*' -o -name firewall
      take "$folder" "$rules" -type f ;;
    words)
      take "$folder" "$cases" -name run
      take "$folder" "$cases" -name packets ;;
    capture) take "$folder" "$cases" -name '*.pcap' ;;
    grammar)
      for file in "$cases"/kernel/*/services; do
        head -n 2 "$file" | tail -n 1 | tr ' ' '\n' >"$folder/$(basename "$(dirname "$file")")"
      done ;;
  esac
}

# take FOLDER WHERE FIND-WORDS...: the files below 8 KB that find(1) finds, under names of their own.
take() {
  local folder=$1 file; shift
  while read -r file; do cp -n "$file" "$folder/$(sha1sum <"$file" | head -c 16)"; done < <(find "$1" -type f -size -16 \( "${@:2}" \))
}

# try TARGET SECONDS: false when it has found something, which is told and kept in $work/findings. Sets $line, what was tried.
# In a network of its own, where no name is asked for. `length_control', 0 to 100: how slowly inputs become longer.
try() {
  local log=$work/$1.log
  mkdir -p "$work/findings/$1"
  FUZZ_TARGET=$1 unshare -n "$binary" -max_total_time="$2" -timeout=30 -rss_limit_mb=3000 -max_len=4096 -len_control="${length_control:-10}" -print_final_stats=1 -detect_leaks=0 \
    -artifact_prefix="$work/findings/$1/" "$work/corpus/$1" >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }
  line="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(sed -n 's/^tried: //p' "$log")"
}
