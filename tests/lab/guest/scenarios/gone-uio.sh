# The device is taken away from UIO while its driver is in the middle of something: every wait for it ends.
bind $FIRST uio_pci_generic
run_guest gone --uio "$(uio_of $FIRST)"
pass "$figures"
