# A line through UIO. uio_pci_generic masks the device at each interrupt, so its count and the kernel's are exactly the same.
bind $FIRST uio_pci_generic
before=$(kernel_count uio_pci_generic)
run_edu account --uio "$(uio_of $FIRST)" --requests 20000
kernel=$(($(kernel_count uio_pci_generic) - before))
[ $requests = 20000 ] || fail "asked for 20000 requests, did $requests"
[ $total = $kernel ] || fail "$total interrupts in the account, but the kernel counted $kernel"
pass "$requests requests, $delivered delivered, $spurious spurious, kernel $kernel; $latency"
