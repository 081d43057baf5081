# The line or vector, and the thread that serves it, are where the driver's policy has them; one processor after the other.
bind $FIRST uio_pci_generic
run_guest policy --uio "$(uio_of $FIRST)"
said="UIO: $figures"
bind $FIRST vfio-pci
run_guest policy --vfio $FIRST
said="$said; VFIO: $figures"
run_guest policy --vfio $FIRST --msi
pass "$said; MSI: $figures"
