# The suite that every source passes, on a line through VFIO.
bind $FIRST vfio-pci
run_guest suite --vfio $FIRST
pass "$figures"
