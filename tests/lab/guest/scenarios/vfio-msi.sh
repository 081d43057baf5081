# Messages through VFIO. Several may meet in the event counter, which the source must then say; in all, none is lost and none is invented.
bind $FIRST vfio-pci
count_interrupts
run_edu account --vfio $FIRST --msi --requests 20000
kernel=$(trace_count "vfio-msi[0]($FIRST)")
[ $requests = 20000 ] || fail "asked for 20000 requests, did $requests"
[ $kernel -ge $delivered ] || fail "delivered $delivered, but the kernel counted $kernel"
[ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$requests requests, $delivered delivered, $coalesced coalesced, $spurious spurious, kernel $kernel; $latency"
