# The suite that every source passes, on UIO.
bind $FIRST uio_pci_generic
run_guest suite --uio "$(uio_of $FIRST)"
pass "$figures"
