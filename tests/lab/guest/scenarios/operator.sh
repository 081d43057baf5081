# A policy never gets what an operator has taken from the process, nor a processor that is offline.
bind $FIRST vfio-pci
second=/sys/devices/system/cpu/cpu1/online

# figures_are TEXT
figures_are() { [ "$figures" = "$1" ] || fail "'$figures' instead of '$1'"; }

run_guest operator --vfio $FIRST --msi
figures_are "all: Taken; line on 0-1 | 1: Taken; line on 1"
free=$figures
all="of processors 0-1 its thread may have 0, and not 1; line on 0"
taskset 1 true || fail "no taskset"
lab_guest() { taskset 1 /bin/lab_guest "$@"; }
run_guest operator --vfio $FIRST --msi
figures_are "all: $all | 1: the process may use processors 0 only, and none of 1; line on 0"
taken=$figures
lab_guest() { /bin/lab_guest "$@"; }
echo 0 >$second || fail "processor 1 can't be taken offline"
run_guest operator --vfio $FIRST --msi
offline=$figures
echo 1 >$second
figures_are "all: Taken; line on 0 | 1: interrupt: its policy asks for processors that this machine does not have, or that are offline: 1; line on 0"
pass "all processors: $free; taskset: $taken; offline: $offline"
