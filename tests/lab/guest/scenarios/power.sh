# A device leaves D0 and enters it again, by each way to be interrupted: nothing is lost, and nothing delivered in between.
bind $FIRST uio_pci_generic
run_guest power --uio "$(uio_of $FIRST)"
said="UIO: $figures"
bind $FIRST vfio-pci
run_guest power --vfio $FIRST
said="$said; VFIO: $figures"
run_guest power --vfio $FIRST --msi
pass "$said; MSI: $figures"
