# Disable and enable under load, a line through VFIO. An idle UIO driver is on the line too: an interrupt that is disconnected without
# being masked leaves its device calling on the line with nobody to answer, and after 100,000 calls the kernel takes the line from all.
bind $FIRST vfio-pci
bind $SECOND uio_pci_generic
before=$(kernel_count uio_pci_generic)
run_guest cycles --vfio $FIRST
kernel=$(($(kernel_count uio_pci_generic) - before))
read_account /tmp/run/guest cycles
[ $delivered -ge 20000 ] || fail "only $delivered interrupts"
[ $kernel -gt 0 ] || fail "the kernel counted no interrupt"
# One that nobody answers for a moment shows as thousands of calls.
[ $kernel -le $((total + total / 10)) ] || fail "$total interrupts in the account, but the kernel counted $kernel: a storm on the line"
pass "$figures; kernel $kernel"
