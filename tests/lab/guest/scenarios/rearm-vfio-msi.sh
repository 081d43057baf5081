# An ISR that arms its device again can't undo the disable callback; messages, through VFIO.
bind $FIRST vfio-pci
count_interrupts
run_guest rearm --vfio $FIRST --msi
kernel=$(trace_count "vfio-msi[0]($FIRST)")
total=$(($(figure "$figures" delivered) + $(figure "$figures" coalesced) + $(figure "$figures" stale))) || exit 1
[ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$figures; kernel $kernel"
