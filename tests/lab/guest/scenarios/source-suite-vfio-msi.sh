# The suite that every source passes, on messages through VFIO.
bind $FIRST vfio-pci
run_guest suite --vfio $FIRST --msi
pass "$figures"
