# Disable and enable under load, through UIO. Its count stays exact over all cycles. The kernel's may be higher: a line that is asserted as it
# is connected is acknowledged by the enable callback, now and then before the kernel's UIO driver has looked; that one declines the interrupt.
bind $FIRST uio_pci_generic
before=$(kernel_count uio_pci_generic)
count_declined
run_guest cycles --uio "$(uio_of $FIRST)"
kernel=$(($(kernel_count uio_pci_generic) - before))
declined=$(declined_count "$(cat "$(device $FIRST)/irq")")
read_account /tmp/run/guest cycles
[ $delivered -ge 20000 ] || fail "only $delivered interrupts"
[ $((total + declined)) = $kernel ] || fail "$total interrupts in the account and $declined declined, but the kernel counted $kernel"
pass "$figures; kernel $kernel, of which it declined $declined"
