# Register types of other crates over registers that are mapped through VFIO.
bind $FIRST vfio-pci
run_guest registers --vfio $FIRST
pass "$figures"
