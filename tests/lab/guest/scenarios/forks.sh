# Children that a driver forks drop its interrupt, and the driver loses nothing.
bind $FIRST uio_pci_generic
run_guest forks --uio "$(uio_of $FIRST)"
said="UIO: $figures"
bind $FIRST vfio-pci
run_guest forks --vfio $FIRST
said="$said; VFIO: $figures"
run_guest forks --vfio $FIRST --msi
pass "$said; MSI: $figures"
