# Register types of other crates over registers that are mapped through UIO.
bind $FIRST uio_pci_generic
run_guest registers --uio "$(uio_of $FIRST)"
pass "$figures"
