# A line that nobody claims faults its interrupt; the device beside it on the same line is served all the while.
bind $FIRST uio_pci_generic
bind $SECOND vfio-pci
run_guest storm --uio "$(uio_of $FIRST)" -- --vfio $SECOND
said="UIO: $figures"
bind $FIRST vfio-pci
bind $SECOND uio_pci_generic
run_guest storm --vfio $FIRST -- --uio "$(uio_of $SECOND)"
pass "$said; VFIO: $figures"
