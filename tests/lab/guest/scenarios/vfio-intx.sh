# A line through VFIO. The other device on the line belongs to an idle UIO driver here: it keeps the line in /proc/interrupts, with its
# count, when VFIO lets go of it. VFIO signals by itself, without an interrupt, when a line is still asserted as it is unmasked.
bind $FIRST vfio-pci
bind $SECOND uio_pci_generic
before=$(kernel_count uio_pci_generic)
run_edu account --vfio $FIRST --requests 20000
kernel=$(($(kernel_count uio_pci_generic) - before))
[ $requests = 20000 ] || fail "asked for 20000 requests, did $requests"
[ $kernel -gt 0 ] || fail "the kernel counted no interrupt"
[ $total -ge $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$requests requests, $delivered delivered, $coalesced coalesced, $spurious spurious, kernel $kernel and $((total - kernel)) at unmasking; $latency"
