# Disable and enable under load, through UIO. Its count stays exact over all cycles.
bind $FIRST uio_pci_generic
before=$(kernel_count uio_pci_generic)
run_guest cycles --uio "$(uio_of $FIRST)"
kernel=$(($(kernel_count uio_pci_generic) - before))
read_account /tmp/run/guest cycles
[ $delivered -ge 20000 ] || fail "only $delivered interrupts"
[ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$figures; kernel $kernel"
