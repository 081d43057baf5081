# A policy on a kernel that has room for more than 1,024 processors, of which two are there.
possible=$(cat /sys/devices/system/cpu/possible)
[ "$possible" = 0-1099 ] || fail "the kernel has room for $possible"
bind $FIRST vfio-pci
run_guest operator --vfio $FIRST --msi
[ "$figures" = "all: Taken; line on 0-1 | 1: Taken; line on 1" ] || fail "$figures"
pass "room for processors $possible; $figures"
