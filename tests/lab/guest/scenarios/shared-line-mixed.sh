# Two devices on one line, one through UIO and one through VFIO, both under load.
bind $FIRST uio_pci_generic
bind $SECOND vfio-pci
share_line --uio "$(uio_of $FIRST)" -- --vfio $SECOND
