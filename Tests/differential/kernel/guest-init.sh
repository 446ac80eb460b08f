#!/bin/bash
# Process 1 of the User-Mode Linux guest; ORACLE_DIR comes from the kernel's command line.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/o
mount -t hostfs -o "$ORACLE_DIR" none /run/o
cd /run/o || halt -f

# load NAME...: kernel modules and what they depend on, where this kernel has any. Debian keeps the guest's modules where
# no other program looks.
load() {
  local place name file rest files=()
  for place in /usr/lib/uml/modules/$(uname -r) /lib/modules/$(uname -r); do
    [ -e "$place/modules.dep" ] && break
  done
  [ -e "$place/modules.dep" ] || return 0
  local -A lines=()
  while IFS=: read -r file rest; do lines[${file##*/}]="$file $rest"; done < "$place/modules.dep"
  for name; do
    local needed=()
    # What a module needs stands behind it, the deepest need last.
    for file in ${lines[$name.ko]}; do needed=("$place/$file" "${needed[@]}"); done
    files+=("${needed[@]}")
  done
  ./insert "${files[@]}"
}

. ./guest.sh > guest.log 2>&1
# Not every host has `halt', and a guest whose first process ends starts anew.
halt -f || python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'
