# An ISR that arms its device again can't undo the disable callback; a line, through UIO. The counts agree as in cycles-uio.
bind $FIRST uio_pci_generic
before=$(kernel_count uio_pci_generic)
count_declined
run_guest rearm --uio "$(uio_of $FIRST)"
kernel=$(($(kernel_count uio_pci_generic) - before))
declined=$(declined_count "$(cat "$(device $FIRST)/irq")")
total=$(($(figure "$figures" delivered) + $(figure "$figures" coalesced) + $(figure "$figures" stale))) || exit 1
[ $((total + declined)) = $kernel ] || fail "$total interrupts in the account and $declined declined, but the kernel counted $kernel"
pass "$figures; kernel $kernel, of which it declined $declined"
