# Every call of the system that an interrupt on UIO needs is refused, at every place and with every number.
bind $FIRST uio_pci_generic
run_refused --uio "$(uio_of $FIRST)"
pass "$figures"
