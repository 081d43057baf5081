# Every call of the system that a message on VFIO needs is refused, at every place and with every number.
bind $FIRST vfio-pci
run_refused --vfio $FIRST --msi
pass "$figures"
