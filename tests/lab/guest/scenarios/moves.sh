# An enabled interrupt goes from one processor to the other and back, under assertions, and loses none.
bind $FIRST uio_pci_generic
run_guest moves --uio "$(uio_of $FIRST)"
said="UIO: $figures"
bind $FIRST vfio-pci
run_guest moves --vfio $FIRST
said="$said; VFIO: $figures"
run_guest moves --vfio $FIRST --msi
pass "$said; MSI: $figures"
